// Sets the theme before the first paint: the visitor's choice, else the system's.
const wanted = new URLSearchParams(location.search).get("theme") || localStorage.getItem("rehearsal.theme");
const light = matchMedia("(prefers-color-scheme: light)").matches;
document.documentElement.dataset.theme = wanted === "light" || wanted === "dark" ? wanted : light ? "light" : "dark";
