import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { podUidOf } from '../../src/process/pod-cgroup.ts';

const UID = '0f7a2c4e-1b3d-4e5f-8a9b-0c1d2e3f4a5b';
const OTHER = '1f7a2c4e-1b3d-4e5f-8a9b-0c1d2e3f4a5b';
const UNDERSCORES = UID.replaceAll('-', '_');

const test = suite('process/pod-cgroup');

for (const [groups, uid] of [
  [`0::/kubepods/besteffort/pod${UID}/12ab\n`, UID],
  [`9:pids:/kubepods/burstable/pod${UID}/12ab\n8:cpu:/kubepods/burstable/pod${UID}\n1:name=systemd:/\n`, UID],
  [`0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORES}.slice/crio-1.scope\n`, UID],
  [`0::/../../pod${UID}/12ab\n`, UID],
  [`0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${UNDERSCORES}.slice\n`, UID],
  ['0::/kubepods/pod0123456789abcdef0123456789abcdef/1\n', '0123456789abcdef0123456789abcdef'],
  [`0::/kubepods/pod${OTHER}/1/pod${UID}\n`, OTHER],
  [`2:pids:/kubepods/pod${OTHER}\n1:cpu:/kubepods/pod${UID}\n`, null],
  ['0::/system.slice/kubelet.service\n', null],
  [`0::/user.slice/notpod${UID}\n`, null],
  ['', null],
] as const) {
  test(JSON.stringify(groups), () => assert.is(podUidOf(groups), uid));
}

test.run();
