// Masks come as bits, or as the lengths of their runs (`mask_bits.py`); they are kept as bits.

/** @param {DataView} buffer @param {string} coding @param {number[]} size voxels along each axis @returns {Uint8Array} */
export function bitsOf(buffer, coding, size) {
  const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return coding === "runs" ? bitsOfRuns(bytes, size[0] * size[1] * size[2]) : bytes;
}

/** Runs alternate, the first one is outside; the last one is left out. @param {Uint8Array} runs @param {number} count */
export function bitsOfRuns(runs, count) {
  const bits = new Uint8Array((count + 7) >> 3);
  let [at, inside, length, shift] = [0, false, 0, 0];
  for (const byte of runs) {
    length += (byte & 127) * 2 ** shift;
    shift += 7;
    if (byte & 128) continue;
    if (inside) fill(bits, at, at + length);
    at += length;
    [inside, length, shift] = [!inside, 0, 0];
  }
  if (inside) fill(bits, at, count);
  return bits;
}

/** Set the bits of a range, the high bit of a byte first. */
function fill(bits, from, to) {
  const [first, last] = [from >> 3, to >> 3];
  const [head, tail] = [0xff >> (from & 7), 0xff & ~(0xff >> (to & 7))];
  if (first === last) {
    bits[first] |= head & tail;
    return;
  }
  bits[first] |= head;
  bits.fill(0xff, first + 1, last);
  if (tail) bits[last] |= tail;
}
