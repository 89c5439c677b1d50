// A caller of Recloser in JavaScript: docs/contract.md, and nothing else. Times are epoch milliseconds.

const CLOSED_MS = 5000;
const NOT_CLOSED_MS = 1000;
const JITTER = 0.2;

/** The call was refused. `retryAt` is when asking again makes sense; undefined: only an operator can tell. */
export class CircuitOpen extends Error {
  constructor(circuit, flag, nowMs) {
    super(`circuit ${circuit} is ${flag.state}: the call is refused`);
    this.name = 'CircuitOpen';
    this.retryAt = isInForce(flag.override, nowMs) ? flag.override.until : flag.retryAt;
  }
}

/** What a caller needs of an item of the circuit table. Absent or not understood: the safe default. */
export function readFlag(item) {
  const policy = item?.policy?.M ?? {};
  return {
    state: ['OPEN', 'HALF_OPEN'].includes(item?.state?.S) ? item.state.S : 'CLOSED',
    generation: number(item?.generation) ?? 0,
    retryAt: number(item?.retry_at) ?? 0,
    closedAt: number(item?.closed_at),
    override: readOverride(item?.override?.M),
    enforce: policy.enforce?.BOOL ?? true,
    rampMs: 1000 * (number(policy.ramp_seconds) ?? 0),
  };
}

/** May I call? 'call', 'probe' (if there is a permit) or 'refuse'. `random` is a random number from 0 to 1. */
export function verdict(flag, nowMs, random = Math.random()) {
  if (isInForce(flag.override, nowMs)) return flag.override.state === 'CLOSED' ? 'call' : 'refuse';
  if (flag.state !== 'CLOSED') return nowMs >= flag.retryAt ? 'probe' : 'refuse';
  const closedForMs = Math.max(0, nowMs - (flag.closedAt ?? -Infinity)); // the writer's clock may be ahead
  return !flag.enforce || closedForMs >= flag.rampMs || random < closedForMs / flag.rampMs ? 'call' : 'refuse';
}

export class Breaker {
  #known; // {flag, readAt, freshUntil, isStale, hasAsked}: what was last read, or could not be
  #waitMs = 0; // after retryAt, a part of a second at random, so that a fleet does not ask at once

  /**
   * dynamodb(operation, request) speaks to DynamoDB; circuitTable and probeTable are the stack's outputs.
   * emit takes a line of metrics: in Lambda, standard output is the way to CloudWatch.
   */
  constructor(circuit, { dynamodb, circuitTable, probeTable, emit = console.log, now = Date.now }) {
    Object.assign(this, { circuit, dynamodb, circuitTable, probeTable, emit, now });
  }

  /** Call `work`, or throw CircuitOpen. Whatever `work` throws is a failure of the dependency. */
  async call(work) {
    const { flag, isStale } = await this.#flag();
    const nowMs = this.now();
    const said = flag === undefined ? 'call' : verdict(flag, nowMs);
    if (said === 'call') {
      if (isStale) this.#publish({ Unprotected: 1 });
      return this.#counted(work);
    }
    const permit = said === 'probe' ? await this.#claim(flag, nowMs) : undefined;
    if (permit !== undefined) return this.#probe(work, permit);
    this.#publish({ Rejected: 1 });
    if (!flag.enforce) return work(); // shadow mode: counted as refused, and made
    throw new CircuitOpen(this.circuit, flag, nowMs);
  }

  async #counted(work) {
    const startedMs = this.now();
    let failure = 1;
    try {
      const answer = await work();
      failure = 0;
      return answer;
    } finally {
      this.#publish({ Failure: failure, Duration: this.now() - startedMs });
      if (failure) this.#expectNews();
    }
  }

  async #probe(work, permit) {
    let outcome = 'failed';
    try {
      const answer = await work();
      outcome = 'succeeded';
      return answer;
    } finally {
      await this.#report(permit, outcome);
      this.#publish({ ProbeFailure: outcome === 'failed' ? 1 : 0 });
    }
  }

  /** The flag, from memory while it is fresh. When the table does not answer, the last known one. */
  async #flag() {
    const readAt = this.now();
    if (readAt < this.#known?.freshUntil) return this.#known;
    const key = { circuit: { S: this.circuit } };
    try {
      const { Item } = await this.dynamodb('GetItem', { TableName: this.circuitTable, Key: key });
      const flag = readFlag(Item);
      if (flag.generation !== this.#known?.flag?.generation) this.#waitMs = Math.random() * NOT_CLOSED_MS;
      const ms = verdict(flag, readAt, 0) === 'call' ? CLOSED_MS : NOT_CLOSED_MS;
      this.#known = { flag, readAt, freshUntil: readAt + jittered(ms), isStale: false };
    } catch {
      const flag = this.#known?.flag;
      this.#known = { flag, readAt, freshUntil: this.now() + jittered(NOT_CLOSED_MS), isStale: true };
    }
    return this.#known;
  }

  /** A call failed, so the flag may move: it is trusted for a second, and no longer. */
  #expectNews() {
    const known = this.#known;
    known.freshUntil = Math.min(known.freshUntil, known.readAt + jittered(NOT_CLOSED_MS));
  }

  async #claim(flag, nowMs) {
    if (this.#known.hasAsked || nowMs < flag.retryAt + this.#waitMs) return undefined; // once per reading
    this.#known.hasAsked = true;
    const key = { permit: { S: `${this.circuit}#${flag.generation}` } };
    try {
      const { Attributes } = await this.dynamodb('UpdateItem', {
        TableName: this.probeTable,
        Key: key,
        UpdateExpression: 'ADD granted :one',
        ConditionExpression: 'granted < allowed AND opens_at <= :now',
        ExpressionAttributeValues: { ':one': { N: '1' }, ':now': { N: `${nowMs}` } },
        ReturnValues: 'UPDATED_NEW',
      });
      return { key, number: Attributes.granted.N };
    } catch {
      return undefined; // no permit, or no answer: a refusal either way
    }
  }

  async #report({ key, number }, outcome) {
    try {
      await this.dynamodb('UpdateItem', {
        TableName: this.probeTable,
        Key: key,
        UpdateExpression: 'ADD #outcome :number',
        ConditionExpression: 'attribute_exists(permit)',
        ExpressionAttributeNames: { '#outcome': outcome },
        ExpressionAttributeValues: { ':number': { NS: [number] } },
      });
    } catch {
      // The permit counts as lost at the probe deadline.
    }
  }

  #publish(values) {
    const Metrics = Object.keys(values).map((Name) => ({
      Name,
      Unit: Name === 'Duration' ? 'Milliseconds' : 'Count',
      StorageResolution: 1,
    }));
    const CloudWatchMetrics = [{ Namespace: 'Recloser', Dimensions: [['Circuit']], Metrics }];
    this.emit(JSON.stringify({ _aws: { Timestamp: this.now(), CloudWatchMetrics }, Circuit: this.circuit, ...values }));
  }
}

function number(attribute) {
  const value = Number(attribute?.N);
  return Number.isFinite(value) ? value : undefined;
}

function readOverride(map) {
  if (!['OPEN', 'CLOSED'].includes(map?.state?.S)) return undefined;
  return { state: map.state.S, until: number(map.until) };
}

function isInForce(override, nowMs) {
  return override !== undefined && (override.until === undefined || nowMs < override.until);
}

function jittered(ms) {
  return ms * (1 + JITTER * (2 * Math.random() - 1));
}
