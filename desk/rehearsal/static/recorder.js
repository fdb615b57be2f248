// The microphone: start, level and time while it runs, stop gives the recording. Lets go of the device at the end.

export class Recorder {
  #recorder = null; #stream = null; #context = null; #chunks = []; #startedAt = 0; #frame = 0;

  constructor(canvas, onTime) {
    this.canvas = canvas;
    this.onTime = onTime;
  }

  async start() {
    if (!navigator.mediaDevices || !window.MediaRecorder) throw new Error("no microphone");
    this.#stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    this.#chunks = [];
    this.#recorder = new MediaRecorder(this.#stream);
    this.#recorder.addEventListener("dataavailable", (event) => { if (event.data.size) this.#chunks.push(event.data); });
    this.#recorder.start(500);
    this.#startedAt = performance.now();
    this.#watch();
  }

  #watch() {
    this.#context = new AudioContext();
    const meter = this.#context.createAnalyser(), levels = [];
    meter.fftSize = 512;
    this.#context.createMediaStreamSource(this.#stream).connect(meter);
    const samples = new Float32Array(meter.fftSize);
    const step = () => {
      meter.getFloatTimeDomainData(samples);
      levels.push(Math.max(...samples.map(Math.abs)));
      if (levels.length > 80) levels.shift();
      this.onTime((performance.now() - this.#startedAt) / 1000);
      this.#draw(levels);
      this.#frame = requestAnimationFrame(step);
    };
    step();
  }

  #draw(levels) {
    const { canvas } = this, pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = getComputedStyle(canvas).getPropertyValue("--wave");
    levels.forEach((level, at) => {
      const tall = Math.max(3, Math.min(1, level * 2.5) * canvas.height);
      pen.fillRect(at * 5, (canvas.height - tall) / 2, 3, tall);
    });
  }

  async stop() {
    cancelAnimationFrame(this.#frame);
    const recorder = this.#recorder;
    if (!recorder) return new Blob();
    await new Promise((done) => { recorder.addEventListener("stop", done, { once: true }); recorder.stop(); });
    this.#stream.getTracks().forEach((track) => track.stop());
    await this.#context?.close();
    this.#recorder = null;
    return new Blob(this.#chunks, { type: recorder.mimeType });
  }
}
