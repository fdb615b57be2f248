"""The way in for browsers: guards, sign-in state, errors as answers, files, sockets."""
