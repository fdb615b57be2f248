// A voice note: play, seek, length, and the waveform of the sound itself. One plays at a time; none by itself.

import { icon } from "./bubbles.js";

const BARS = 44;
const peaksOf = new Map();
let playing = null;

async function readPeaks(url) {
  const bytes = await (await fetch(url)).arrayBuffer();
  const sound = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(bytes);
  const samples = sound.getChannelData(0), step = Math.floor(samples.length / BARS) || 1;
  const peaks = Array.from({ length: BARS }, (_, bar) => {
    let most = 0;
    for (let at = bar * step; at < (bar + 1) * step; at += 8) most = Math.max(most, Math.abs(samples[at] ?? 0));
    return most;
  });
  const top = Math.max(...peaks, 0.02);
  return { peaks: peaks.map((peak) => Math.sqrt(peak / top)), seconds: sound.duration };
}

function drawWave(canvas, peaks, share) {
  const { width, height } = canvas.getBoundingClientRect(), scale = devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d"), style = getComputedStyle(canvas);
  const step = canvas.width / BARS;
  peaks.forEach((peak, bar) => {
    const tall = Math.max(3 * scale, peak * canvas.height * 0.86);
    pen.fillStyle = style.getPropertyValue(bar / BARS < share ? "--accent" : "--wave");
    pen.beginPath();
    pen.roundRect(bar * step, (canvas.height - tall) / 2, step * 0.58, tall, step);
    pen.fill();
  });
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")}`;

export function voicePlayer(url, message, ctx) {
  const box = document.createElement("div"), play = document.createElement("button"), track = document.createElement("span"),
    canvas = document.createElement("canvas"), seek = document.createElement("input"), time = document.createElement("span");
  const audio = new Audio();
  audio.preload = "none";
  audio.src = url;
  box.className = "voice";
  play.className = "round";
  play.type = "button";
  track.className = "voice-track";
  time.className = "voice-time";
  Object.assign(seek, { type: "range", min: 0, max: 100, value: 0, step: 0.5 });
  seek.setAttribute("aria-label", ctx.t("Position"));
  track.append(canvas, seek);
  box.append(play, track, time);
  const state = { peaks: new Array(BARS).fill(0.12), seconds: 0 };
  const kind = ctx.t(message.body.voice ? "Voice note" : "Audio file");

  const show = () => {
    const share = state.seconds ? audio.currentTime / state.seconds : 0;
    play.replaceChildren(icon(audio.paused ? "play" : "pause"));
    play.setAttribute("aria-label", `${ctx.t(audio.paused ? "Play" : "Pause")}: ${kind}`);
    time.textContent = state.seconds ? clock(audio.paused && !audio.currentTime ? state.seconds : audio.currentTime) : kind;
    seek.value = share * 100;
    seek.setAttribute("aria-valuetext", clock(audio.currentTime));
    if (canvas.isConnected) drawWave(canvas, state.peaks, share);
  };
  play.addEventListener("click", () => {
    if (!audio.paused) return audio.pause();
    playing?.pause();
    playing = audio;
    audio.play().catch(show);
  });
  seek.addEventListener("input", () => { audio.currentTime = seek.value / 100 * (state.seconds || 0); });
  for (const event of ["play", "pause", "ended", "timeupdate", "seeked"]) audio.addEventListener(event, show);
  show();
  if (!peaksOf.has(url)) peaksOf.set(url, readPeaks(url).catch(() => null));
  peaksOf.get(url).then((read) => { if (read) Object.assign(state, read); requestAnimationFrame(show); });
  return box;
}
