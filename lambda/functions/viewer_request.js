import cf from 'cloudfront';

const crypto = require('crypto');

// {"us-east-1": [latitude, longitude], ...}: written here at synth, in the order of the environment's regions.
const REGIONS = __REGIONS__;

// Patterns of the behaviours that Lambda@Edge guards: written here at synth.
const PROTECTED = __PROTECTED__;

const BLOCKED = ['metrics', 'internal'];
const REQUEST_ID = /^[A-Za-z0-9._-]{8,128}$/;
// Nobody encodes a path this often but to hide something, and each round costs compute.
const MAX_DECODINGS = 10;
const BUCKETS = 100;
// An origin that answers so, or not at all, hands a read to the next region.
const FAILOVER = [502, 503, 504];

// RFC 3986 6.2.2.3 on a path whose slashes are already single. An encoded dot is a dot (6.2.2.2).
function resolveDots(path) {
    const kept = [];
    const segments = path.split('/');
    for (let i = 1; i < segments.length; i++) {
        const plain = segments[i].replace(/%2e/gi, '.');
        const last = i === segments.length - 1;
        if (plain === '..') {
            kept.pop();
        } else if (plain !== '.') {
            kept.push(segments[i]);
            continue;
        }
        if (last) {
            kept.push('');
        }
    }
    return '/' + kept.join('/');
}

// One spelling a path, so that the cache holds it once. `a//..` must lose the empty segment before the dots.
function normalisePath(uri) {
    return resolveDots(('/' + uri).replace(/\/+/g, '/'));
}

function decodeOnce(text) {
    return text.replace(/%([0-9a-f]{2})/gi, (match, hex) => String.fromCharCode(parseInt(hex, 16)));
}

function fits(pattern, path, flags) {
    const parts = pattern.split('*').map((part) => part.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\?/g, '.'));
    return new RegExp('^' + parts.join('.*') + '$', flags).test(path);
}

function isProtected(path, flags) {
    return PROTECTED.some((pattern) => fits(pattern, path, flags));
}

// True when any reading of the path (a proxy or framework may decode once more, fold case, take a backslash for
// a slash or drop `;parameters`) arrives at an endpoint that is not for the public, or at a protected one round
// its guard: the behaviour was chosen by the path as it came.
function isBlocked(uri, guarded) {
    let path = uri;
    for (let i = 0; ; i++) {
        const seen = normalisePath(path.replace(/[\x00-\x20\x7f]/g, '').replace(/\\/g, '/'));
        const plain = seen.replace(/;[^/]*/g, '');
        if (BLOCKED.indexOf(plain.split('/')[1].toLowerCase()) !== -1 || (!guarded && isProtected(plain, 'i'))) {
            return true;
        }
        const decoded = decodeOnce(path);
        if (decoded === path) {
            return false;
        }
        if (i === MAX_DECODINGS) {
            return true;
        }
        path = decoded;
    }
}

// Values of a repeated key keep their order: it can carry meaning.
function sortQuery(querystring) {
    const sorted = {};
    Object.keys(querystring).sort().forEach((key) => {
        sorted[key] = querystring[key];
    });
    return sorted;
}

// Derived from CloudFront's own id, so that the edge log and the service log of a request can be joined.
function requestId(event) {
    const given = event.request.headers['x-request-id'];
    if (given && REQUEST_ID.test(given.value)) {
        return given.value;
    }
    const hex = crypto.createHash('sha256').update(event.context.requestId).digest('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

function notFound(id) {
    return {
        statusCode: 404,
        statusDescription: 'Not Found',
        headers: {
            'content-type': { value: 'application/problem+json' },
            'cache-control': { value: 'no-store' },
            'x-request-id': { value: id }
        },
        body: JSON.stringify({ type: 'about:blank', title: 'Not Found', status: 404, request_id: id })
    };
}

function haversine(lat1, lon1, lat2, lon2) {
    const rad = Math.PI / 180;
    const a = Math.sin((lat2 - lat1) * rad / 2);
    const b = Math.sin((lon2 - lon1) * rad / 2);
    return a * a + Math.cos(lat1 * rad) * Math.cos(lat2 * rad) * b * b;
}

function coordinate(headers, name) {
    return headers[name] ? parseFloat(headers[name].value) : NaN;
}

// Regions by their distance from the viewer; null when it is not known where the viewer is.
function byDistance(regions, headers) {
    const latitude = coordinate(headers, 'cloudfront-viewer-latitude');
    const longitude = coordinate(headers, 'cloudfront-viewer-longitude');
    if (isNaN(latitude) || isNaN(longitude)) {
        return null;
    }
    const away = {};
    regions.forEach((region) => {
        away[region] = haversine(latitude, longitude, REGIONS[region][0], REGIONS[region][1]);
    });
    return regions.slice(0).sort((a, b) => away[a] - away[b]);
}

// Regions that serve. All of them when all are drained: a mistake, or an outage that a drain cannot mend.
function openRegions(drained) {
    const flags = drained.split(',').map((name) => name.trim());
    const all = Object.keys(REGIONS);
    const open = all.filter((region) => flags.indexOf(region) === -1);
    return open.length === 0 ? all : open;
}

function isStream(request) {
    const upgrade = request.headers.upgrade;
    const accept = request.headers.accept;
    return (upgrade && upgrade.value.toLowerCase() === 'websocket') ||
        (accept && accept.value.indexOf('text/event-stream') !== -1);
}

// Reads fail over by themselves. A write must not: it goes to one region, as a behaviour that takes POST may not
// target a group. Where nothing decides, Route 53 does: by latency, and by health.
async function route(request) {
    const drained = await stored('drained');
    const open = openRegions(drained);
    const near = byDistance(open, request.headers);
    const order = near || (open.length < Object.keys(REGIONS).length ? open : null);
    if (isStream(request)) {
        cf.selectRequestOriginById(order ? order[0] + '-stream' : 'latency-stream');
    } else if (request.method === 'GET' || request.method === 'HEAD') {
        if (order && order.length > 1) {
            cf.createRequestOriginGroup({
                originIds: [{ originId: order[0] + '-read' }, { originId: order[1] + '-read' }],
                failoverCriteria: { statusCodes: FAILOVER }
            });
        } else if (order) {
            cf.selectRequestOriginById(order[0] + '-read');
        }
    } else {
        const writer = await stored('writer');
        if (open.indexOf(writer) !== -1) {
            cf.selectRequestOriginById(writer);
        } else if (open.length < Object.keys(REGIONS).length) {
            cf.selectRequestOriginById(order[0]);
        }
    }
}

async function stored(key) {
    try {
        return await cf.kvs().get(key);
    } catch (e) {
        // No such key is the usual state, and a store that does not answer must not stop traffic.
        return '';
    }
}

// A viewer keeps its bucket by the cookie; without one, each request draws its own.
function bucket(request, id) {
    const cookie = request.cookies['rr-experiment'];
    if (cookie && /^\d{1,2}$/.test(cookie.value)) {
        return String(parseInt(cookie.value, 10));
    }
    const hex = crypto.createHash('sha256').update(id).digest('hex');
    return String(parseInt(hex.slice(0, 8), 16) % BUCKETS);
}

async function handler(event) {
    const request = event.request;
    const id = requestId(event);
    // CloudFront chose the behaviour by the path without its dots, case and double slashes as they came.
    const guarded = isProtected(resolveDots(request.uri), '');
    const path = normalisePath(request.uri);
    // The origin reads the normalised path: dots may have brought forward what stood behind an encoded slash.
    if (isBlocked(request.uri, guarded) || isBlocked(path, guarded)) {
        return notFound(id);
    }
    request.uri = path;
    request.querystring = sortQuery(request.querystring);
    request.headers['x-request-id'] = { value: id };
    request.headers['x-forwarded-host'] = { value: request.headers.host.value };
    request.headers['x-experiment-bucket'] = { value: bucket(request, id) };
    await route(request);
    return request;
}
