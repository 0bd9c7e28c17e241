// The world a function sees: one fresh context a run, stripped to the documented surface, with the documented
// modules put into it. It is no security boundary (the code is the project's own): it is there for honesty.

import { createHash, createHmac } from 'node:crypto';
import querystring from 'node:querystring';
import vm from 'node:vm';

import { BUFFER_STATICS, DIGESTS, GLOBALS, HASHES, METHODS, PROTOTYPE_METHODS, QUERYSTRING } from './surface.mjs';

const STRIP = new vm.Script(`(function (globals, methods, prototypeMethods, now) {
  function keep(holder, names) {
    for (const name of Object.getOwnPropertyNames(holder)) {
      if (names.indexOf(name) === -1) delete holder[name];
    }
  }
  const prototypes = { String: String.prototype, Array: Array.prototype, Promise: Promise.prototype };
  for (const name in prototypes) keep(prototypes[name], prototypeMethods[name].concat(['constructor']));
  const holders = { Object, String, Array, Promise };
  for (const name in holders) keep(holders[name], methods[name].concat(['prototype', 'name', 'length']));
  const RealDate = Date;
  globalThis.Date = function Date(...given) {
    if (!new.target) return new RealDate(now).toString();
    return given.length === 0 ? new RealDate(now) : new RealDate(...given);
  };
  Date.prototype = RealDate.prototype;
  Date.prototype.constructor = Date;
  Date.UTC = RealDate.UTC;
  Date.parse = RealDate.parse;
  Date.now = () => now;
  globalThis.InternalError = class InternalError extends Error {};
  keep(globalThis, globals.concat(['InternalError']));
})`);

/** Only the named members of `source`, bound to it. */
function facade(source, names) {
  return Object.freeze(Object.fromEntries(names.map((name) => [name, source[name].bind(source)])));
}

function hashing(make) {
  return (algorithm, ...key) => {
    if (!HASHES.includes(algorithm)) {
      throw new Error(`unsupported hash algorithm ${algorithm}: the runtime has ${HASHES.join(', ')}`);
    }
    const state = make(algorithm, ...key);
    return Object.freeze({
      update(data) {
        state.update(data);
        return this;
      },
      digest(encoding) {
        if (encoding !== undefined && !DIGESTS.includes(encoding)) {
          throw new Error(`unsupported digest encoding ${encoding}: the runtime has ${DIGESTS.join(', ')}`);
        }
        return state.digest(encoding);
      },
    });
  };
}

const MODULES = {
  crypto: Object.freeze({ createHash: hashing(createHash), createHmac: hashing(createHmac) }),
  querystring: facade(querystring, QUERYSTRING),
};
const BUFFER = facade(Buffer, BUFFER_STATICS);

function requireModule(name) {
  if (name === 'buffer') return { Buffer: BUFFER };
  if (!Object.hasOwn(MODULES, name)) {
    throw new Error(`Cannot find module '${name}': the runtime has buffer, crypto and querystring`);
  }
  return MODULES[name];
}

/** A context in which a script may run; `log` receives each console line. */
export function createSandbox(log) {
  const context = vm.createContext(
    {},
    { codeGeneration: { strings: false, wasm: false }, microtaskMode: 'afterEvaluate' },
  );
  STRIP.runInContext(context)(GLOBALS, METHODS, PROTOTYPE_METHODS, Date.now());
  Object.assign(context, {
    Buffer: BUFFER,
    TextDecoder,
    TextEncoder,
    atob,
    btoa,
    console: Object.freeze({ log: (message) => log.push(String(message)) }),
    require: requireModule,
  });
  return context;
}
