/** Prints what `resolvePodNamespace` says: `look-for-namespace.js INTERFACE_INDEX [POD_UID]`. */

import { resolvePodNamespace } from '../../src/process/pod-namespace.ts';
import { networkNamespaceOf } from '../../src/process/proc-files.ts';

const [index = '0', podUid = ''] = process.argv.slice(2);
const found = await resolvePodNamespace({ interfaceIndex: Number(index), podUid });
console.log(JSON.stringify({ found, own: networkNamespaceOf('self') }));
