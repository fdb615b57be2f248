/* Paints a BlurHash (woltapp/blurhash) on a canvas: what a picture will look like, in 28 characters that come with its
   card. Our own reading of the format: 83 letters, a size, a largest value, the mean colour, then cosine terms. */

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
const WIDTH = 20, HEIGHT = 15;

function number(text, from, to) {
  let value = 0;
  for (const letter of text.slice(from, to)) value = value * 83 + LETTERS.indexOf(letter);
  return value;
}
const linear = (byte) => (byte <= 10 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
const byte = (value) => { const v = Math.min(1, Math.max(0, value)); return Math.round((v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055) * 255); };
const signed = (step, largest) => Math.sign(step - 9) * ((step - 9) / 9) ** 2 * largest;

/** {columns, terms: [[r, g, b], …]} of a hash, null for anything that is none. */
export function readBlurhash(text) {
  if (typeof text !== "string" || text.length < 6 || [...text].some((letter) => !LETTERS.includes(letter))) return null;
  const size = number(text, 0, 1);
  const columns = (size % 9) + 1, rows = Math.floor(size / 9) + 1;
  if (text.length !== 4 + 2 * columns * rows) return null;
  const largest = (number(text, 1, 2) + 1) / 166;
  const mean = number(text, 2, 6);
  const terms = [[linear(mean >> 16), linear((mean >> 8) & 255), linear(mean & 255)]];
  for (let at = 6; at < text.length; at += 2) {
    const value = number(text, at, at + 2);
    terms.push([signed(Math.floor(value / 361), largest), signed(Math.floor(value / 19) % 19, largest), signed(value % 19, largest)]);
  }
  return { columns, terms };
}

/** A canvas of 20 × 15 points that the style sheet stretches over the picture's place; null without a hash. */
export function blurred(text) {
  const hash = readBlurhash(text);
  if (!hash) return null;
  const canvas = document.createElement("canvas");
  canvas.className = "blurred";
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  canvas.setAttribute("aria-hidden", "true");
  const context = canvas.getContext("2d");
  const image = context.createImageData(WIDTH, HEIGHT);
  for (let y = 0, at = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1, at += 4) {
      const sums = [0, 0, 0];
      hash.terms.forEach((term, index) => {
        const wave = Math.cos((Math.PI * x * (index % hash.columns)) / WIDTH) * Math.cos((Math.PI * y * Math.floor(index / hash.columns)) / HEIGHT);
        for (let channel = 0; channel < 3; channel += 1) sums[channel] += term[channel] * wave;
      });
      image.data.set([...sums.map(byte), 255], at);
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
