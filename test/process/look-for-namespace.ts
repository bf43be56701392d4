/** Prints what `findPodNamespace` says: `look-for-namespace.js INTERFACE_INDEX [POD_UID]`. */

import { findPodNamespace } from '../../src/process/pod-namespace.ts';
import { networkNamespaceOf } from '../../src/process/proc-files.ts';

const [index = '0', podUid = ''] = process.argv.slice(2);
const found = await findPodNamespace({ interfaceIndex: Number(index), podUid });
console.log(JSON.stringify({ found, own: networkNamespaceOf('self') }));
