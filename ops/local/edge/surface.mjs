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

// "Helper methods for origin modification": the fields of each method's argument, with their limits.

export const ORIGIN_OVERRIDES = {
  type: 'object',
  fields: {
    hostHeader: 'string',
    sni: 'string',
    allowedCertificateNames: { type: 'array', maxLength: 20, items: { type: 'string', maxLength: 64 } },
  },
};

export const ORIGIN_FIELDS = {
  type: 'object',
  fields: {
    domainName: { type: 'string', maxLength: 253 },
    originPath: { type: 'string', maxLength: 255 },
    customHeaders: { type: 'object', values: 'string' },
    connectionAttempts: { type: 'number', min: 1, max: 3 },
    originShield: {
      type: 'object', required: ['enabled'], fields: { enabled: 'boolean', region: 'string' },
    },
    originAccessControlConfig: {
      type: 'object',
      required: ['enabled'],
      fields: {
        enabled: 'boolean',
        signingBehavior: { type: 'string', of: ['always', 'never', 'no-override'] },
        signingProtocol: { type: 'string', of: ['sigv4'] },
        originType: { type: 'string', of: ['s3', 'mediapackagev2', 'mediastore', 'lambda'] },
      },
    },
    timeouts: {
      type: 'object',
      fields: {
        readTimeout: { type: 'number', min: 1, max: 120 },
        responseCompletionTimeout: { type: 'number', min: 1 },
        keepAliveTimeout: { type: 'number', min: 1, max: 120 },
        connectionTimeout: { type: 'number', min: 1, max: 10 },
      },
    },
    customOriginConfig: {
      type: 'object',
      required: ['port', 'protocol', 'sslProtocols'],
      fields: {
        port: { type: 'number', min: 1, max: 65535 },
        protocol: { type: 'string', of: ['http', 'https'] },
        sslProtocols: {
          type: 'array', items: { type: 'string', of: ['SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2'] },
        },
        ipAddressType: { type: 'string', of: ['ipv4', 'ipv6', 'dualstack'] },
      },
    },
    mTLSConfig: { type: 'string', of: ['inherit', 'off'] },
    ...ORIGIN_OVERRIDES.fields,
  },
};

export const ORIGIN_GROUP_FIELDS = {
  type: 'object',
  required: ['originIds', 'failoverCriteria'],
  fields: {
    originIds: {
      type: 'array',
      minLength: 2,
      maxLength: 2,
      items: {
        type: 'object',
        required: ['originId'],
        fields: { originId: 'string', originOverrides: ORIGIN_OVERRIDES },
      },
    },
    selectionCriteria: { type: 'string', of: ['default', 'media-quality-score'] },
    failoverCriteria: {
      type: 'object',
      required: ['statusCodes'],
      fields: {
        statusCodes: {
          type: 'array',
          minLength: 1,
          items: { type: 'number', of: [400, 403, 404, 416, 429, 500, 502, 503, 504] },
        },
      },
    },
  },
};
