import cf from 'cloudfront';

const crypto = require('crypto');

// {"us-east-1": [latitude, longitude], ...}: written here at synth, in the order of the environment's regions.
const REGIONS = __REGIONS__;

const BLOCKED = ['metrics', 'internal'];
const REQUEST_ID = /^[A-Za-z0-9._-]{8,128}$/;
// Nobody encodes a path this often but to hide something, and each round costs compute.
const MAX_DECODINGS = 10;

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

// True when any reading of the path (a proxy or framework may decode once more, fold case, take a backslash for
// a slash or drop `;parameters`) arrives at an endpoint that is not for the public.
function isBlocked(uri) {
    let path = uri;
    for (let i = 0; ; i++) {
        const seen = normalisePath(path.replace(/[\x00-\x20\x7f]/g, '').replace(/\\/g, '/'));
        const first = seen.split('/')[1].split(';')[0].toLowerCase();
        if (BLOCKED.indexOf(first) !== -1) {
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

// The viewer's nearest region among `candidates`; without a location, the first of the table.
function nearest(candidates, headers) {
    const latitude = coordinate(headers, 'cloudfront-viewer-latitude');
    const longitude = coordinate(headers, 'cloudfront-viewer-longitude');
    if (isNaN(latitude) || isNaN(longitude)) {
        return candidates[0];
    }
    let best = candidates[0];
    let shortest = Infinity;
    candidates.forEach((region) => {
        const distance = haversine(latitude, longitude, REGIONS[region][0], REGIONS[region][1]);
        if (distance < shortest) {
            shortest = distance;
            best = region;
        }
    });
    return best;
}

// While a region is drained every viewer is sent by id: the latency record still names the drained region.
// Nothing drained, or everything (a mistake, or an outage that a drain cannot mend): latency decides.
function choose(drained, headers) {
    const flags = drained.split(',').map((name) => name.trim());
    const all = Object.keys(REGIONS);
    const open = all.filter((region) => flags.indexOf(region) === -1);
    return open.length === 0 || open.length === all.length ? null : nearest(open, headers);
}

async function drainedRegions() {
    try {
        return await cf.kvs().get('drained');
    } catch (e) {
        // No such key is the usual state, and a store that does not answer must not stop traffic.
        return '';
    }
}

async function handler(event) {
    const request = event.request;
    const id = requestId(event);
    const path = normalisePath(request.uri);
    // The origin reads the normalised path: dots may have brought forward what stood behind an encoded slash.
    if (isBlocked(request.uri) || isBlocked(path)) {
        return notFound(id);
    }
    request.uri = path;
    request.querystring = sortQuery(request.querystring);
    request.headers['x-request-id'] = { value: id };
    request.headers['x-forwarded-host'] = { value: request.headers.host.value };
    const drained = await drainedRegions();
    const region = choose(drained, request.headers);
    if (region) {
        cf.selectRequestOriginById(region);
    }
    return request;
}
