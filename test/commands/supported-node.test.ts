import { mkdirSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ensureSupportedNode, findBrought } from '../../src/commands/supported-node.ts';
import { makeScratch, removeScratch } from '../output/scratch.ts';

const test = suite('supported Node');

test('the newest brought Node is taken, whatever else lies there', () => {
  const folder = makeScratch();
  for (const name of ['24.22.3', '26.9.0', '26.12.1', '20.1.0', 'new.xyz']) {
    mkdirSync(`${folder}/${name}/bin`, { recursive: true });
    writeFileSync(`${folder}/${name}/bin/node`, '');
  }
  mkdirSync(`${folder}/28.0.0`);
  assert.is(findBrought(folder), `${folder}/26.12.1/bin/node`);
});

test('without one there is none', () => {
  assert.is(findBrought(`${makeScratch()}/missing`), null);
});

test('the Node that runs the tests is supported', () => {
  ensureSupportedNode();
});

test.after(removeScratch);

test.run();
