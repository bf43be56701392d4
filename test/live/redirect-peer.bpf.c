/* What some CNIs do: packets for a pod go straight into its network namespace, past the node's end of its veth pair. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* POD_IPV4: address in host byte order; POD_MAC: six bytes with commas; POD_INDEX: the node's end of the pod's pair. */
SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	void *end = (void *)(long)skb->data_end;
	struct ethhdr *ethernet = (void *)(long)skb->data;
	struct iphdr *ip = (void *)(ethernet + 1);
	const __u8 mac[] = {POD_MAC};

	if ((void *)(ip + 1) > end || ethernet->h_proto != bpf_htons(ETH_P_IP) || ip->daddr != bpf_htonl(POD_IPV4))
		return TC_ACT_OK;
	bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0);
	return bpf_redirect_peer(POD_INDEX, 0);
}

char _license[] SEC("license") = "GPL";
