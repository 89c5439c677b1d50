// Calls through the example's breaker for every circuit named on standard input, and tells what came of each call.

import { readFileSync } from 'node:fs';
import { dynamodb } from '../../examples/other_language/dynamodb.mjs';
import { Breaker } from '../../examples/other_language/recloser.mjs';

const { endpoint, circuitTable, probeTable, circuits, nowMs } = JSON.parse(readFileSync(0));
const credentials = { region: 'us-east-1', accessKeyId: '123456789012', secretAccessKey: 'local' };
const client = dynamodb({ ...credentials, endpoint, timeoutMs: 5000 });

let lines = [];
const emit = (line) => lines.push(JSON.parse(line));
const now = () => nowMs;
const breakers = new Map();

for (const circuit of circuits) {
  lines = [];
  if (!breakers.has(circuit)) {
    breakers.set(circuit, new Breaker(circuit, { dynamodb: client, circuitTable, probeTable, emit, now }));
  }
  let called = false;
  let refusal = null;
  try {
    await breakers.get(circuit).call(async () => {
      called = true;
    });
  } catch (problem) {
    refusal = problem.name;
  }
  console.log(JSON.stringify({ called, refusal, lines }));
}
