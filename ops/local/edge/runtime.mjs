// CloudFront Functions, runtime cloudfront-js-2.0: a long-lived process that runs viewer functions.
//
// One JSON object a line on stdin, one on stdout for each, in order:
//   {"id", "op": "load", "name", "code"}                              -> {"id", "ok": true}
//   {"id", "op": "store", "name", "items": {key: value} | null}       -> {"id", "ok": true}
//   {"id", "op": "run", "name", "event", "origins": [id], "limit_ms"} -> {"id", "ok": true, "output", "origin", "log"}
// A refusal is {"id", "ok": false, "error", "log"}. `origin` is null, {"id", "overrides"}, {"update": {...}} or
// {"group": [{"id", "overrides"}], "codes": [...]}: the last choice that the function made.
// It ends when stdin does, so it cannot outlive the edge that started it.

import readline from 'node:readline';
import vm from 'node:vm';

import { MODULE, SCHEMA } from './cloudfront.mjs';
import { createSandbox } from './sandbox.mjs';

const IMPORT = /^([ \t]*)import\s+([A-Za-z_$][\w$]*)\s+from\s+(['"])cloudfront\3[ \t]*;?/m;

const functions = new Map();
const stores = new Map();

// The documented import is the only one: any other stays in the script and is a syntax error, as it should be.
// Wrapped on the first line, so that line numbers in errors are the file's own.
function compile(name, code) {
  const body = code.replace(IMPORT, '$1const $2 = __cf;');
  const source = `(function (__cf, __event, __settle) { "use strict"; ${body}
;(async function () { return JSON.stringify(await handler(JSON.parse(__event))); })()
  .then(function (output) { __settle(output, null); }, function (error) { __settle(null, error); }); })`;
  return new vm.Script(source, { filename: `${name}.js` });
}

function describe(error) {
  if (error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return 'the function exceeded its time limit';
  const where = error && error.stack ? /(\w+\.js:\d+)/.exec(error.stack) : null;
  return `${error && error.message ? error.message : error}${where ? ` (${where[1]})` : ''}`;
}

function run({ name, event, origins, limit_ms: limit }) {
  const script = functions.get(name);
  if (!script) return { ok: false, error: `no function ${name} is loaded`, log: [] };
  const log = [];
  let origin = null;
  let result = null;
  try {
    const context = createSandbox(log);
    const items = stores.has(name) ? stores.get(name) : null;
    context.__parts = { module: MODULE.runInContext(context), items, origins, schema: SCHEMA };
    context.__parts.choose = (chosen) => { origin = JSON.parse(chosen); };
    context.__parts.main = script.runInContext(context);
    context.__parts.event = JSON.stringify(event);
    context.__parts.settle = (output, error) => { result = { output, error }; };
    START.runInContext(context, { timeout: limit });
  } catch (error) {
    return { ok: false, error: describe(error), log };
  }
  if (result === null) return { ok: false, error: 'the function awaits something that never settles', log };
  if (result.error !== null) return { ok: false, error: describe(result.error), log };
  if (result.output === undefined) return { ok: false, error: 'the function returned nothing', log };
  return { ok: true, output: JSON.parse(result.output), origin, log };
}

const START = new vm.Script(`(function (parts) {
  delete globalThis.__parts;
  const cloudfront = parts.module(parts.items, parts.origins, parts.schema, parts.choose);
  parts.main(cloudfront, parts.event, parts.settle);
})(globalThis.__parts)`);

function answer(request) {
  try {
    if (request.op === 'run') return run(request);
    if (request.op === 'store') stores.set(request.name, request.items);
    else if (request.op === 'load') functions.set(request.name, compile(request.name, request.code));
    else return { ok: false, error: `unknown operation ${request.op}`, log: [] };
    return { ok: true };
  } catch (error) {
    functions.delete(request.name);
    return { ok: false, error: describe(error), log: [] };
  }
}

readline.createInterface({ input: process.stdin, crlfDelay: Infinity }).on('line', (line) => {
  const request = JSON.parse(line);
  process.stdout.write(`${JSON.stringify({ id: request.id, ...answer(request) })}\n`);
}).on('close', () => process.exit(0));
