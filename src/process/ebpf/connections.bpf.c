/*
 * Tells which process opens and which serves each TCP connection of the watched network namespaces, from the tracepoints
 * sock:inet_sock_set_state and tcp:tcp_rcv_space_adjust: no kprobe, no tracefs, no kernel headers. The few fields that
 * are read are declared here and found by CO-RE, by their names in the kernel's BTF.
 *
 * Opened: CLOSE -> SYN_SENT is in the connecting process, but before the local port is chosen. Who it is waits under the
 * socket's cookie until the socket leaves SYN_SENT, in an interrupt whose task is anybody's; then both are known. A SYN
 * that nobody answers stays there: who has its packet asks the kernel for the socket's cookie, and looks here.
 *
 * Served: a connection is accepted without a change of state. The process that first reads from it serves it; where
 * nothing is read, the one that closes it, or that ends: the change to FIN_WAIT1 or LAST_ACK. Both also happen in
 * interrupts for sockets the kernel itself reads (TLS, sockmap): only who holds the socket's lock is believed.
 *
 * What is sent is read by src/process/connection-record.ts.
 */
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u64 size_t;
typedef _Bool bool;

/* linux/bpf.h */
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_LRU_HASH = 9, BPF_MAP_TYPE_RINGBUF = 27 };
enum { BPF_ANY = 0 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0 };

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define AF_INET 2
#define AF_INET6 10
#define PF_KTHREAD 0x00200000
#define COMM_BYTES 16
#define RING_BYTES (1 << 20)

/* linux/net/tcp_states.h */
enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_SYN_RECV = 3, TCP_FIN_WAIT1 = 4, TCP_CLOSE = 7, TCP_LAST_ACK = 9 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct ns_common {
	__u32 inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	union {
		struct {
			__be32 skc_daddr;
			__be32 skc_rcv_saddr;
		};
	};
	union {
		struct {
			__be16 skc_dport;
		};
	};
	__u16 skc_family;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

typedef struct {
	int owned;
} socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
};

struct inet_sock {
	__be16 inet_sport; /* stays when the port is given back, unlike skc_num */
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct task_struct {
	unsigned int flags;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_time;
	char comm[COMM_BYTES];
};

#pragma clang attribute pop

/* Who is at work; the same in each record. */
struct owner {
	__u64 started_ns; /* when the process began, which tells it from an earlier one of the same id */
	__u32 tgid;
	__u32 pid;
	__u32 parent;
	__u32 uid;
	__u32 inner_pid; /* tgid in the innermost pid namespace */
	__u32 pid_namespace;
	char thread_name[COMM_BYTES];
	char name[COMM_BYTES];
};

struct record {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	struct owner owner;
	__u32 namespace;
	__u16 family;
	__u16 is_served; /* 0: opened by this end, 1: by the other one */
	__u16 local_port; /* both in host order */
	__u16 remote_port;
	__be32 local[4];
	__be32 remote[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} records SEC(".maps");

/* Network namespaces somebody wants to hear of, by inode number. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
} watched SEC(".maps");

/* Who called connect(), by the socket's cookie, while it is in SYN_SENT. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct owner);
} connecting SEC(".maps");

/* Connections that were opened by the other side and of which nobody has told who serves them, by cookie. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, __u8);
} served SEC(".maps");

/* Records there was no room for. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

static __always_inline bool is_watched(const struct sock *sk, __u32 *namespace)
{
	*namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	return bpf_map_lookup_elem(&watched, namespace) != 0;
}

/* False where a thread of the kernel is at work: it acts for somebody else. */
static __always_inline bool read_owner(struct owner *owner)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	__u64 both = bpf_get_current_pid_tgid();
	struct upid inner = {};

	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	owner->tgid = both >> 32;
	owner->pid = both;
	owner->uid = bpf_get_current_uid_gid();
	owner->parent = BPF_CORE_READ(leader, real_parent, tgid);
	owner->started_ns = BPF_CORE_READ(leader, start_time);
	bpf_probe_read_kernel(&inner, sizeof(inner),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      BPF_CORE_READ(pid, level) * sizeof(inner));
	owner->inner_pid = inner.nr;
	owner->pid_namespace = BPF_CORE_READ(inner.ns, ns.inum);
	bpf_get_current_comm(owner->thread_name, COMM_BYTES);
	BPF_CORE_READ_STR_INTO(&owner->name, leader, comm);
	return 1;
}

static __always_inline void count_lost(void)
{
	__u32 first = 0;
	__u64 *count = bpf_map_lookup_elem(&lost, &first);

	if (count)
		__sync_fetch_and_add(count, 1);
}

static __always_inline void tell(const struct sock *sk, __u32 namespace, const struct owner *owner, bool is_served)
{
	struct record *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);

	if (!record) {
		count_lost();
		return;
	}
	__builtin_memset(record, 0, sizeof(*record));
	record->time_ns = bpf_ktime_get_ns();
	record->owner = *owner;
	record->namespace = namespace;
	record->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	record->is_served = is_served;
	record->local_port = __builtin_bswap16(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
	record->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (record->family == AF_INET) {
		record->local[0] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		record->remote[0] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	} else if (bpf_core_field_exists(struct sock_common, skc_v6_daddr)) {
		BPF_CORE_READ_INTO(&record->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&record->remote, sk, __sk_common.skc_v6_daddr);
	}
	/* Nobody is woken for one record: the agent looks when packets come, and is only called when it has to retrySoon. */
	bpf_ringbuf_submit(record, bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) > RING_BYTES / 2 ? BPF_RB_FORCE_WAKEUP :
												     BPF_RB_NO_WAKEUP);
}

/* Somebody reads from, or closes, a connection: tells who, if that is not told yet. */
static __always_inline void serves(const struct sock *sk, __u32 namespace, __u64 cookie)
{
	struct owner owner = {};

	if (!BPF_CORE_READ(sk, sk_lock.owned) || !bpf_map_lookup_elem(&served, &cookie))
		return;
	if (!read_owner(&owner) || bpf_map_delete_elem(&served, &cookie))
		return;
	tell(sk, namespace, &owner, 1);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_changed, const struct sock *sk, int old_state, int new_state)
{
	struct owner *known, owner = {};
	__u32 namespace;
	__u64 cookie;
	__u8 yes = 1;

	if (!is_watched(sk, &namespace))
		return 0;
	cookie = bpf_get_socket_cookie((void *)sk);
	if (new_state == TCP_SYN_SENT) {
		if (read_owner(&owner))
			bpf_map_update_elem(&connecting, &cookie, &owner, BPF_ANY);
	} else if (old_state == TCP_SYN_SENT) {
		known = bpf_map_lookup_elem(&connecting, &cookie);
		if (!known)
			return 0;
		if (BPF_CORE_READ((const struct inet_sock *)sk, inet_sport))
			tell(sk, namespace, known, 0);
		bpf_map_delete_elem(&connecting, &cookie);
	} else if (old_state == TCP_SYN_RECV && new_state == TCP_ESTABLISHED) {
		bpf_map_update_elem(&served, &cookie, &yes, BPF_ANY);
	} else if (new_state == TCP_FIN_WAIT1 || new_state == TCP_LAST_ACK) {
		serves(sk, namespace, cookie);
	} else if (new_state == TCP_CLOSE) {
		bpf_map_delete_elem(&served, &cookie);
	}
	return 0;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(bytes_read, struct sock *sk)
{
	__u32 namespace;

	if (is_watched(sk, &namespace))
		serves(sk, namespace, bpf_get_socket_cookie((void *)sk));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
