/* eve_header.c - what every EVE record begins with.
 *
 * Key order follows Suricata's, since people read these lines. The time's text is cached by the
 * second: localtime is asked once a second of capture time, not once a record. */
#include <stdio.h>
#include <time.h>

#include "base/reader.h"
#include "output/eve.h"

void eve_timestamp(struct records *r, struct json *j, const char *key, uint64_t ns)
{
	uint64_t second = ns / 1000000000;
	char text[48];
	struct tm tm;
	time_t t = (time_t)second;

	if (second != r->second || r->second_text[0] == '\0') {
		localtime_r(&t, &tm);
		strftime(r->second_text, sizeof(r->second_text), "%Y-%m-%dT%H:%M:%S", &tm);
		strftime(r->zone_text, sizeof(r->zone_text), "%z", &tm);
		r->second = second;
	}
	int n = snprintf(text, sizeof(text), "%s.%06u%s", r->second_text, (unsigned)(ns % 1000000000 / 1000), r->zone_text);
	json_bytes(j, key, text, (size_t)n);
}

/* Names as in the IANA registry; what Suricata has in its records. */
static const char *const proto_names[256] = {
	[1] = "ICMP", [2] = "IGMP", [3] = "GGP", [4] = "IP-in-IP", [5] = "ST", [6] = "TCP", [7] = "CBT", [8] = "EGP",
	[9] = "IGP", [12] = "PUP", [17] = "UDP", [20] = "HMP", [22] = "XNS-IDP", [27] = "RDP", [29] = "ISO-TP4",
	[33] = "DCCP", [36] = "XTP", [37] = "DDP", [38] = "IDPR-CMTP", [41] = "IPv6", [43] = "IPv6-Route",
	[44] = "IPv6-Frag", [45] = "IDRP", [46] = "RSVP", [47] = "GRE", [50] = "ESP", [51] = "AH", [57] = "SKIP",
	[58] = "IPv6-ICMP", [59] = "IPv6-NoNxt", [60] = "IPv6-Opts", [73] = "RSPF", [81] = "VMTP", [88] = "EIGRP",
	[89] = "OSPFIGP", [93] = "AX.25", [94] = "IPIP", [97] = "ETHERIP", [98] = "ENCAP", [103] = "PIM",
	[108] = "IPComp", [112] = "VRRP", [115] = "L2TP", [124] = "ISIS over IPv4", [132] = "SCTP", [133] = "FC",
	[135] = "Mobility Header", [136] = "UDPLite", [137] = "MPLS-in-IP", [138] = "manet", [139] = "HIP", [140] = "Shim6",
};

const char *eve_proto_name(uint8_t proto, char out[4])
{
	if (proto_names[proto] != NULL)
		return proto_names[proto];
	snprintf(out, 4, "%03u", proto);
	return out;
}

static void header_vlans(struct json *j, const uint16_t *vlan, unsigned count)
{
	if (count == 0)
		return;
	json_array(j, "vlan");
	for (unsigned i = 0; i < count; i++)
		json_uint(j, NULL, vlan[i]);
	json_close(j);
}

static bool proto_has_ports(uint8_t proto)
{
	return proto == 6 || proto == 17 || proto == 132;
}

struct endpoints {
	const struct ip_addr *src, *dst;
	const char *src_text, *dst_text;        /* instead of the address, where not NULL */
	uint16_t src_port, dst_port;
	uint8_t proto, ip_version;
};

static void header_addresses(struct json *j, const struct endpoints *e)
{
	char text[IP_TEXT_MAX], number[4];

	ip_addr_text(e->src, e->ip_version, text);
	json_str(j, "src_ip", e->src_text ? e->src_text : text);
	if (proto_has_ports(e->proto))
		json_uint(j, "src_port", e->src_port);
	ip_addr_text(e->dst, e->ip_version, text);
	json_str(j, "dest_ip", e->dst_text ? e->dst_text : text);
	if (proto_has_ports(e->proto))
		json_uint(j, "dest_port", e->dst_port);
	json_str(j, "proto", eve_proto_name(e->proto, number));
	json_uint(j, "ip_v", e->ip_version);
	if (e->proto == 50 && (e->src_port | e->dst_port) != 0)
		json_uint(j, "spi", (uint64_t)e->src_port << 16 | e->dst_port);
}

static struct endpoints endpoints_of(const struct flow *flow, const struct packet *pkt, enum record_dir dir)
{
	struct endpoints e = { .src = &pkt->src, .dst = &pkt->dst, .src_port = pkt->src_port, .dst_port = pkt->dst_port,
			       .proto = pkt->proto, .ip_version = pkt->ip_version };
	enum side from = dir == DIR_FLOW_TO_CLIENT ? TO_CLIENT : TO_SERVER;

	if (dir == DIR_PACKET || flow == NULL)
		return e;
	e.src = &flow->key.addr[from];
	e.dst = &flow->key.addr[other_side(from)];
	e.src_port = flow->key.port[from];
	e.dst_port = flow->key.port[other_side(from)];
	return e;
}

static const char *packet_source(const struct packet *pkt)
{
	if (pkt->flags & PACKET_END_OF_FLOW)
		return "stream (flow timeout)";
	if (pkt->flags & PACKET_REASSEMBLED)
		return "defrag";
	return tunnel_name(pkt->tunnel);
}

/* metadata.flowbits and friends: opened when the first one turns up. */
struct vars_writer {
	struct json *j;
	bool open, list;
};

static void vars_open(struct vars_writer *v, const char *list, bool object)
{
	if (!v->open)
		json_object(v->j, "metadata");
	v->open = true;
	if (!v->list) {
		if (object)
			json_object(v->j, list);
		else
			json_array(v->j, list);
	}
	v->list = true;
}

static void vars_bit(void *ctx, const char *name)
{
	struct vars_writer *v = ctx;

	vars_open(v, "flowbits", false);
	json_str(v->j, NULL, name);
}

static void vars_integer(void *ctx, const char *name, uint32_t value)
{
	struct vars_writer *v = ctx;

	vars_open(v, "flowints", true);
	json_uint(v->j, name, value);
}

static void vars_text(void *ctx, const char *name, struct slice value)
{
	struct vars_writer *v = ctx;

	vars_open(v, "flowvars", false);
	json_object(v->j, NULL);
	json_slice(v->j, name, value);
	json_close(v->j);
}

/* Flowbits named traffic/id/… and traffic/label/… become lists of their own. */
struct traffic_writer {
	struct json *j;
	const char *prefix, *key;
	bool open, *object;
};

static void traffic_bit(void *ctx, const char *name)
{
	struct traffic_writer *t = ctx;

	if (strncmp(name, t->prefix, strlen(t->prefix)) != 0)
		return;
	if (!*t->object)
		json_object(t->j, "traffic");
	*t->object = true;
	if (!t->open)
		json_array(t->j, t->key);
	t->open = true;
	json_str(t->j, NULL, name + strlen(t->prefix));
}

static void header_traffic(struct records *r, struct json *j, const struct flow *flow)
{
	bool object = false;
	struct traffic_writer id = { .j = j, .prefix = "traffic/id/", .key = "id", .object = &object };
	struct traffic_writer label = { .j = j, .prefix = "traffic/label/", .key = "label", .object = &object };

	rules_flow_vars(r->rules, flow, traffic_bit, NULL, NULL, &id);
	if (id.open)
		json_close(j);
	rules_flow_vars(r->rules, flow, traffic_bit, NULL, NULL, &label);
	if (label.open)
		json_close(j);
	if (object)
		json_close(j);
}

static void vars_packet_text(void *ctx, const char *name, struct slice value)
{
	struct vars_writer *v = ctx;

	vars_open(v, "pktvars", false);
	json_object(v->j, NULL);
	json_slice(v->j, name, value);
	json_close(v->j);
}

static void vars_list_end(struct vars_writer *v)
{
	if (v->list)
		json_close(v->j);
	v->list = false;
}

static void header_metadata(struct records *r, struct json *j, const struct flow *flow, const struct packet *pkt)
{
	struct vars_writer v = { .j = j };

	if (r->rules == NULL || flow->slot[FLOW_RULES] == NULL)
		return;
	rules_flow_vars(r->rules, flow, NULL, NULL, vars_text, &v);
	vars_list_end(&v);
	rules_flow_vars(r->rules, flow, vars_bit, NULL, NULL, &v);
	vars_list_end(&v);
	rules_flow_vars(r->rules, flow, NULL, vars_integer, NULL, &v);
	vars_list_end(&v);
	if (pkt != NULL)
		rules_packet_vars(r->rules, vars_packet_text, &v);
	vars_list_end(&v);
	if (v.open)
		json_close(j);
	header_traffic(r, j, flow);
}

struct slice eve_join(struct records *r, const struct stream_block *blocks, unsigned count, size_t max)
{
	size_t len = 0;

	if (max > JOINED_MAX)
		max = JOINED_MAX;
	for (unsigned i = 0; i < count; i++) {
		size_t n = blocks[i].bytes.len;

		if (blocks[i].missing > 0 && max - len > 40)
			len += (size_t)snprintf(r->joined + len, max - len, "[%llu bytes missing]",
						(unsigned long long)blocks[i].missing);
		if (n > max - len)
			n = max - len;
		if (n > 0)
			memcpy(r->joined + len, blocks[i].bytes.data, n);
		len += n;
	}
	return slice_of(r->joined, len);
}

static void mac_text(const uint8_t *mac, char out[18])
{
	snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void header_community(struct records *r, const struct eve *e, struct json *j, const struct flow *flow)
{
	struct community_text *c = &r->communities[flow->id % COMMUNITIES_KEPT];

	/* What of ICMP counts may show only with a later packet. */
	if (c->flow_id != flow->id || c->seed != e->community_seed || flow->key.proto == 1 || flow->key.proto == 58) {
		c->flow_id = 0;
		if (!community_id(e->community_seed, flow, c->text, sizeof(c->text)))
			return;
		c->flow_id = flow->id;
		c->seed = e->community_seed;
	}
	json_str(j, "community_id", c->text);
}

static void header_options(struct records *r, const struct eve *e, struct json *j, const struct flow *flow,
			   const struct packet *pkt)
{
	char text[48];

	if (e->suricata_version)
		json_str(j, "suricata_version", EVE_VERSION);
	if (e->pcap_file && r->out->capture_name != NULL)
		json_str(j, "pcap_filename", r->out->capture_name);
	if (e->metadata && flow != NULL)
		header_metadata(r, j, flow, pkt);
	if (e->ethernet && pkt != NULL && pkt->eth != NULL) {
		json_object(j, "ether");
		json_uint(j, "ether_type", load_be16(pkt->eth + 12));
		mac_text(pkt->eth + 6, text);
		json_str(j, "src_mac", text);
		mac_text(pkt->eth, text);
		json_str(j, "dest_mac", text);
		json_close(j);
	} else if (e->ethernet && pkt != NULL && flow != NULL && flow->has_eth) {
		json_object(j, "ether");        /* not a packet: its flow's */
		mac_text(flow->eth[pkt->side == TO_CLIENT], text);
		json_str(j, "src_mac", text);
		mac_text(flow->eth[pkt->side != TO_CLIENT], text);
		json_str(j, "dest_mac", text);
		json_close(j);
	} else if (e->ethernet && flow != NULL && flow->has_eth) {
		json_object(j, "ether");
		json_array(j, "src_macs");
		mac_text(flow->eth[0], text);
		json_str(j, NULL, text);
		json_close(j);
		json_array(j, "dest_macs");
		mac_text(flow->eth[1], text);
		json_str(j, NULL, text);
		json_close(j);
		json_close(j);
	}
	if (e->community_id && flow != NULL)
		header_community(r, e, j, flow);
}

static void header_origin(struct records *r, const struct eve *e, struct json *j, unsigned device)
{
	if (e->sensor_name != NULL)
		json_str(j, "host", e->sensor_name);
	if (r->out->opts.device_names != NULL && device < r->out->opts.device_count)
		json_str(j, "in_iface", r->out->opts.device_names[device]);
}

void eve_header(struct records *r, const struct eve *e, struct json *j, const struct flow *flow, const struct packet *pkt,
		enum record_dir dir, const char *event_type, const char *client)
{
	json_object(j, NULL);
	eve_timestamp(r, j, "timestamp", pkt->time_ns);
	if (flow != NULL)
		json_uint(j, "flow_id", flow->id);
	header_origin(r, e, j, pkt->device);
	if (pkt->number != 0)
		json_uint(j, "pcap_cnt", pkt->number);
	json_str(j, "event_type", event_type);
	header_vlans(j, pkt->vlan, pkt->vlan_count);
	if (pkt->ip_version != 0) {
		struct endpoints ends = endpoints_of(flow, pkt, dir);
		bool client_sends = dir == DIR_FLOW || dir == DIR_FLOW_TO_SERVER || (dir == DIR_PACKET && pkt->side == TO_SERVER);

		*(client_sends ? &ends.src_text : &ends.dst_text) = client;
		header_addresses(j, &ends);
		if (pkt->proto == 1 || pkt->proto == 58) {
			json_uint(j, "icmp_type", pkt->icmp_type);
			json_uint(j, "icmp_code", pkt->icmp_code);
		}
	}
	json_str(j, "pkt_src", packet_source(pkt));
	header_options(r, e, j, flow, pkt);
}

static void header_flow_icmp(struct json *j, const struct flow *flow)
{
	if (flow->key.proto != 1 && flow->key.proto != 58)
		return;
	json_uint(j, "icmp_type", flow->icmp_type[TO_SERVER]);
	json_uint(j, "icmp_code", flow->icmp_code[TO_SERVER]);
	if (flow->icmp_seen[TO_CLIENT]) {
		json_uint(j, "response_icmp_type", flow->icmp_type[TO_CLIENT]);
		json_uint(j, "response_icmp_code", flow->icmp_code[TO_CLIENT]);
	}
}

void eve_header_flow(struct records *r, const struct eve *e, struct json *j, const struct flow *flow, uint64_t now_ns,
		     const char *event_type)
{
	struct endpoints ends = { .src = &flow->key.addr[0], .dst = &flow->key.addr[1], .src_port = flow->key.port[0],
				  .dst_port = flow->key.port[1], .proto = flow->key.proto, .ip_version = flow->key.ip_version };
	json_object(j, NULL);
	eve_timestamp(r, j, "timestamp", now_ns);
	json_uint(j, "flow_id", flow->id);
	header_origin(r, e, j, flow->device);
	json_str(j, "event_type", event_type);
	header_vlans(j, flow->vlan, flow->vlan_count);
	header_addresses(j, &ends);
	header_flow_icmp(j, flow);
	if (flow->tunnel != TUNNEL_NONE)
		json_str(j, "pkt_src", tunnel_name(flow->tunnel));
	header_options(r, e, j, flow, NULL);
}

void eve_app_proto(struct json *j, const struct flow *flow)
{
	const struct analysis *a = analysis_of(flow);
	const struct analyzer *side[2];

	if (a == NULL)
		return;
	if (a->proto != NULL)
		json_str(j, "app_proto", a->proto->name);
	else if (a->failed[TO_SERVER] && a->failed[TO_CLIENT])
		json_str(j, "app_proto", "failed");
	for (unsigned s = 0; s < 2; s++) {
		static const char *const keys[2] = { "app_proto_ts", "app_proto_tc" };

		side[s] = a->side_proto[s];
		if (side[s] != NULL && side[s] != a->proto)
			json_str(j, keys[s], side[s]->name);
		else if (side[s] == NULL && a->proto != NULL && a->failed[s])
			json_str(j, keys[s], "failed");
	}
	if (a->original != NULL && a->original != a->proto)
		json_str(j, "app_proto_orig", a->original->name);
	if (a->expected != NULL && a->expected != a->proto)
		json_str(j, "app_proto_expected", a->expected->name);
}

void eve_flow_counts(struct records *r, struct json *j, const struct flow *flow)
{
	json_uint(j, "pkts_toserver", flow->pkts[TO_SERVER]);
	json_uint(j, "pkts_toclient", flow->pkts[TO_CLIENT]);
	json_uint(j, "bytes_toserver", flow->bytes[TO_SERVER]);
	json_uint(j, "bytes_toclient", flow->bytes[TO_CLIENT]);
	eve_timestamp(r, j, "start", flow->first_ns);
}

static void var_seen(void *ctx, const char *name, struct slice value)
{
	(void)name;
	(void)value;
	*(bool *)ctx = true;
}

void eve_metadata(struct records *r, struct eve *e, struct json *j, const struct flow *flow, const struct packet *pkt)
{
	bool any = false;

	if (r->rules != NULL)
		rules_packet_vars(r->rules, var_seen, &any);
	if (!any)
		return;
	eve_header(r, e, j, flow, pkt, DIR_PACKET, "metadata", NULL);
	if (!e->metadata)
		header_metadata(r, j, flow, pkt);
	eve_done(r, e, j, RECORD_TYPE_PACKET, 0);
}
