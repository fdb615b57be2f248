"""Work that happens later: the job row is the truth, the queue only wakes workers."""
