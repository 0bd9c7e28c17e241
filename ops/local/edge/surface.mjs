// What the CloudFront developer guide lists for runtime cloudfront-js-2.0 ("JavaScript runtime 2.0 features",
// "Restricted features"). Whatever V8 has beyond it is taken away before a function runs, so that code which
// needs more fails here as it would at the edge.

const ERRORS = ['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'];

const TYPED_ARRAYS = [
  'Float32Array', 'Float64Array', 'Int8Array', 'Int16Array', 'Int32Array', 'Uint8Array', 'Uint8ClampedArray',
  'Uint16Array', 'Uint32Array',
];

// `Function` stays as a name (ES 5.1 code tests `instanceof Function`); constructing one throws.
export const GLOBALS = [
  'globalThis', 'NaN', 'Infinity', 'undefined', 'decodeURI', 'decodeURIComponent', 'encodeURI',
  'encodeURIComponent', 'isFinite', 'isNaN', 'parseFloat', 'parseInt', 'Object', 'String', 'Number', 'Boolean',
  'Math', 'Date', 'Function', 'RegExp', 'JSON', 'Array', 'ArrayBuffer', 'DataView', 'Promise', 'Symbol',
  ...ERRORS, ...TYPED_ARRAYS,
];

export const METHODS = {
  Object: [
    'create', 'defineProperties', 'defineProperty', 'freeze', 'getOwnPropertyDescriptor',
    'getOwnPropertyDescriptors', 'getOwnPropertyNames', 'getPrototypeOf', 'isExtensible', 'isFrozen', 'isSealed',
    'keys', 'preventExtensions', 'seal', 'assign', 'entries', 'values', 'is', 'setPrototypeOf',
  ],
  String: ['fromCharCode', 'fromCodePoint'],
  Array: ['isArray', 'of'],
  Promise: ['all', 'allSettled', 'any', 'reject', 'resolve', 'race'],
};

export const PROTOTYPE_METHODS = {
  String: [
    'charAt', 'charCodeAt', 'concat', 'indexOf', 'lastIndexOf', 'match', 'replace', 'search', 'slice', 'split',
    'substr', 'substring', 'toLowerCase', 'trim', 'toUpperCase', 'codePointAt', 'endsWith', 'includes', 'repeat',
    'startsWith', 'padStart', 'padEnd', 'trimStart', 'trimEnd', 'replaceAll', 'toString', 'valueOf', 'length',
  ],
  Array: [
    'concat', 'every', 'filter', 'forEach', 'indexOf', 'join', 'lastIndexOf', 'map', 'pop', 'push', 'reduce',
    'reduceRight', 'reverse', 'shift', 'slice', 'some', 'sort', 'splice', 'unshift', 'copyWithin', 'fill', 'find',
    'findIndex', 'includes', 'toString', 'length',
  ],
  Promise: ['catch', 'finally', 'then'],
};

export const BUFFER_STATICS = [
  'alloc', 'allocUnsafe', 'byteLength', 'compare', 'concat', 'from', 'isBuffer', 'isEncoding',
];

export const QUERYSTRING = ['escape', 'parse', 'decode', 'stringify', 'encode', 'unescape'];

export const HASHES = ['md5', 'sha1', 'sha256'];

export const DIGESTS = ['hex', 'base64', 'base64url'];
