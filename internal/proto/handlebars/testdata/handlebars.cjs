// SPDX-License-Identifier: Apache-2.0
//
// Renders a list of templates with handlebars.js, whose folder is the argument. In: JSON
// [{"template", "data", "both"}], data as the text of a JSON object. Out: as many of
//
//   {"syntax"}  what the parser has against the template
//   {"failed"}  what went wrong when it was rendered
//   {"missing"} true: something was printed that is undefined
//   {"text"}    the rendering
//
// each with "stock": if both are asked for, the rendering of the package as it is, with the
// option noEscape; null if it failed. The others are made with two changes that noEscape needs: every value goes
// through escapeExpression, which here makes a text of it (noEscape adds two numbers that
// stand side by side), and finds what is undefined.
'use strict';
const fs = require('fs');
const Handlebars = require(process.argv[2]);

class Missing extends Error {}

Handlebars.log = Handlebars.logger.log = () => {};
Handlebars.Utils.escapeExpression = (value) => {
  if (value === undefined) throw new Missing();
  return value === null ? '' : '' + value;
};

// {{x}} comes here for null and undefined; the hook tells them apart.
Handlebars.registerHelper('helperMissing', function (...args) {
  const { name } = args[args.length - 1];
  if (args.length > 1) throw new Error('Missing helper: ' + name);
  return this != null && Object.prototype.hasOwnProperty.call(this, name) ? this[name] : undefined;
});

// What a helper returns is no attribute, so it may be undefined.
const { lookup } = Handlebars.helpers;
Handlebars.registerHelper('lookup text', function (...args) {
  const found = lookup.apply(this, args);
  return found === undefined ? null : found;
});
Handlebars.registerHelper('log text', () => null);

class Printing extends Handlebars.Visitor {
  MustacheStatement(mustache) {
    super.MustacheStatement(mustache);
    mustache.escaped = true;
    const { path, params, hash } = mustache;
    const name = path.parts && path.parts[0];
    if ((name === 'lookup' || name === 'log') && (params.length || hash || path.original === 'log')) {
      path.original = path.parts[0] += ' text';
    }
  }
}

function strict(template, data) {
  let ast;
  try {
    ast = Handlebars.parse(template);
  } catch (e) {
    return { syntax: e.message };
  }
  try {
    new Printing().accept(ast);
    return { text: Handlebars.compile(ast)(data) };
  } catch (e) {
    return e instanceof Missing ? { missing: true } : { failed: e.message };
  }
}

function stock(template, data) {
  try {
    return '' + Handlebars.compile(template, { noEscape: true })(data);
  } catch (e) {
    return null;
  }
}

const cases = JSON.parse(fs.readFileSync(0, 'utf8'));
const results = cases.map(({ template, data, both }) => ({
  ...strict(template, JSON.parse(data)), stock: both ? stock(template, JSON.parse(data)) : null,
}));
process.stdout.write(JSON.stringify(results));
