#!/usr/bin/env node
// How far the file of --export-onnx in ONNX Runtime is from the .nbl file in this engine: same inputs, both outputs.
//
//   npm install --ignore-scripts onnxruntime-node
//   node onnxruntime_check.mjs net.qdq.onnx net.nbl inputs/ [float.onnx] [--run build/engine/tools/nibble-run]
//
// inputs/ holds .npy files of float32, each one input of the network. Prints how many samples have the same greatest
// value of the first output (samples of a classifier), signal over noise of all outputs between the two, and, with the
// float network, of each against that. onnxruntime-node is looked for from the working directory.
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import path from 'node:path';

const ort = createRequire(path.join(process.cwd(), 'from.js'))('onnxruntime-node');

function readNpy(file) {
  const bytes = readFileSync(file);
  const wide = bytes[6] > 1, start = wide ? 12 : 10;
  const length = wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', start, start + length);
  if (!header.includes("'<f4'") || header.includes("'fortran_order': True")) throw new Error(`${file}: expected float32 in C order, found ${header}`);
  const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(',').map((s) => s.trim()).filter((s) => s).map(Number);
  const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset + start + length, bytes.byteOffset + bytes.length));
  return {shape, data};
}

const greatest = (values) => values.reduce((best, v, i) => (v > values[best] ? i : best), 0);

class Distance {
  same = 0; samples = 0; signal = 0; noise = 0; most = 0; least = Infinity;
  add(reference, other) {
    let signal = 0, noise = 0;
    reference.forEach((r, o) => r.forEach((v, i) => {
      const d = v - other[o][i];
      signal += v * v;
      noise += d * d;
      this.most = Math.max(this.most, Math.abs(d));
    }));
    this.same += greatest(reference[0]) === greatest(other[0]) ? 1 : 0;
    this.samples += 1;
    this.signal += signal;
    this.noise += noise;
    this.least = Math.min(this.least, noise > 0 ? 10 * Math.log10(signal / noise) : Infinity);
  }
  text() {
    const decibels = this.noise > 0 ? `${(10 * Math.log10(this.signal / this.noise)).toFixed(1)} dB (least ${this.least.toFixed(1)})` : 'equal';
    return `${(100 * this.same / this.samples).toFixed(2)} % of ${this.samples}, ${decibels}, greatest difference ${this.most.toPrecision(4)}`;
  }
}

const args = process.argv.slice(2), at = args.indexOf('--run');
const tool = at >= 0 ? args.splice(at, 2)[1] : 'build/engine/tools/nibble-run';
if (args.length < 3 || args.length > 4) {
  console.error('expected: net.qdq.onnx net.nbl inputs/ [float.onnx] [--run nibble-run]');
  process.exit(2);
}
const [exported, model, inputs, original] = args;
const options = {intraOpNumThreads: 1, logSeverityLevel: 3};
const session = await ort.InferenceSession.create(exported, options);
const float = original ? await ort.InferenceSession.create(original, options) : null;
const between = new Distance(), here = new Distance(), there = new Distance();
const folder = mkdtempSync(path.join(tmpdir(), 'nibble-check-'));
try {
  for (const name of readdirSync(inputs).filter((f) => f.endsWith('.npy')).sort()) {
    const file = path.join(inputs, name), {shape, data} = readNpy(file);
    const done = spawnSync(tool, [model, '--input', file, '--output-dir', folder], {encoding: 'utf8'});
    if (done.status !== 0) throw new Error(`${tool} ${model}: ${done.stderr}`);
    const run = async (s) => {
      const found = await s.run({[s.inputNames[0]]: new ort.Tensor('float32', data, shape)});
      return s.outputNames.map((n) => Float32Array.from(found[n].data));
    };
    const theirs = await run(session);
    const ours = session.outputNames.map((n) => readNpy(path.join(folder, n.replaceAll('/', '_') + '.npy')).data);
    between.add(theirs, ours);
    if (!float) continue;
    const reference = await run(float);
    here.add(reference, ours);
    there.add(reference, theirs);
  }
} finally {
  rmSync(folder, {recursive: true});
}
console.log(`between the two        ${between.text()}`);
if (float) {
  console.log(`here, of float         ${here.text()}`);
  console.log(`ONNX Runtime, of float ${there.text()}`);
}
