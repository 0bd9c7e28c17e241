// The module `cloudfront` of runtime 2.0: KeyValueStore and the choice of an origin.

import vm from 'node:vm';

import { ORIGIN_FIELDS, ORIGIN_GROUP_FIELDS, ORIGIN_OVERRIDES } from './surface.mjs';

// A context has no access to this file's objects: it is given their JSON.
export const SCHEMA = JSON.stringify({
  origin: ORIGIN_FIELDS, group: ORIGIN_GROUP_FIELDS, overrides: ORIGIN_OVERRIDES,
});

// Written inside the context, so that its promises settle within the time limit of the run.
export const MODULE = new vm.Script(`(function (items, origins, schemaText, choose) {
  const schema = JSON.parse(schemaText);
  function kvs() {
    if (items === null) throw new Error('KvsNotAssociated: the function has no key value store');
    function value(key, format) {
      if (!Object.prototype.hasOwnProperty.call(items, key)) throw new Error('KeyNotFound: ' + key);
      if (format === 'json') return JSON.parse(items[key]);
      return format === 'bytes' ? new TextEncoder().encode(items[key]) : items[key];
    }
    return Object.freeze({
      get: async function (key, options) { return value(key, options && options.format); },
      exists: async function (key) { return Object.prototype.hasOwnProperty.call(items, key); },
      count: async function () { return Object.keys(items).length; },
      meta: async function () { return { keyCount: Object.keys(items).length }; },
    });
  }
  function fail(where, what) { throw new Error('InvalidOrigin: ' + where + ' ' + what); }
  // A rule is a type, or {type, of, min, max, minLength, maxLength, items, values, fields, required}.
  function check(where, value, rule) {
    const type = typeof rule === 'string' ? rule : rule.type;
    const actual = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
    if (actual !== type) fail(where, 'is ' + actual + ', not ' + type);
    if (typeof rule === 'string') return;
    if (rule.of && rule.of.indexOf(value) === -1) fail(where, 'is ' + value + ', not one of ' + rule.of.join(', '));
    if (rule.min !== undefined && value < rule.min) fail(where, 'is less than ' + rule.min);
    if (rule.max !== undefined && value > rule.max) fail(where, 'is more than ' + rule.max);
    if (rule.minLength !== undefined && value.length < rule.minLength) fail(where, 'has fewer than ' + rule.minLength);
    if (rule.maxLength !== undefined && value.length > rule.maxLength) fail(where, 'has more than ' + rule.maxLength);
    if (rule.items) value.forEach(function (item, i) { check(where + '[' + i + ']', item, rule.items); });
    if (rule.values) Object.keys(value).forEach(function (key) { check(where + '.' + key, value[key], rule.values); });
    if (rule.fields) fields(where, value, rule);
  }
  function fields(where, value, rule) {
    (rule.required || []).forEach(function (name) {
      if (value[name] === undefined) fail(where, 'lacks ' + name);
    });
    Object.keys(value).forEach(function (name) {
      if (!Object.prototype.hasOwnProperty.call(rule.fields, name)) fail(where, 'has no field ' + name);
      check(where + '.' + name, value[name], rule.fields[name]);
    });
  }
  function known(id) {
    if (origins.indexOf(id) === -1) throw new Error('OriginNotFound: the distribution has no origin ' + id);
  }
  function selectRequestOriginById(id, overrides) {
    known(id);
    if (overrides !== undefined) check('origin_overrides', overrides, schema.overrides);
    choose(JSON.stringify({ id: id, overrides: overrides }));
  }
  function updateRequestOrigin(changes) {
    check('origin_properties', changes, schema.origin);
    if (changes.domainName && /[:]|^[0-9.]+$/.test(changes.domainName)) {
      fail('origin_properties.domainName', 'is an address or has a port: ' + changes.domainName);
    }
    choose(JSON.stringify({ update: changes }));
  }
  function createRequestOriginGroup(properties) {
    check('origin_group_properties', properties, schema.group);
    properties.originIds.forEach(function (member) { known(member.originId); });
    choose(JSON.stringify({
      group: properties.originIds.map(function (member) {
        return { id: member.originId, overrides: member.originOverrides };
      }),
      codes: properties.failoverCriteria.statusCodes,
    }));
  }
  return Object.freeze({ kvs, selectRequestOriginById, updateRequestOrigin, createRequestOriginGroup });
})`);
