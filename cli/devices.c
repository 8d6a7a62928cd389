/* devices.c - `tapir devices`: what this machine could watch, and how well. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/device.h"
#include "capture/net_interface.h"
#include "cli/options.h"
#include "cli/print_json.h"

struct devices_options {
	bool json;
	bool kinds;
};

static const struct option_row rows[] = {
	{ "json", 0, NULL, OPTION_FLAG, offsetof(struct devices_options, json), "as JSON" },
	{ "kinds", 0, NULL, OPTION_FLAG, offsetof(struct devices_options, kinds), "the kinds of device that this build knows" },
};

static const char *ability(enum net_ability a)
{
	return a == NET_YES ? "yes" : a == NET_NO ? "no" : "unknown";
}

static void show(const struct net_interface *n)
{
	char speed[32] = "";

	if (n->speed_mbps > 0)
		snprintf(speed, sizeof(speed), ", %u Mb/s", n->speed_mbps);
	printf("%-16s %s%s, driver %s, MTU %u, %u queue%s%s\n", n->name, n->up ? "up" : "down",
	       n->up && !n->running ? " (no link)" : "", n->driver[0] ? n->driver : "unknown", n->mtu, n->rx_queues,
	       n->rx_queues == 1 ? "" : "s", speed);
	printf("%16s mac %02x:%02x:%02x:%02x:%02x:%02x, native XDP %s, zero-copy %s%s\n", "", n->mac[0], n->mac[1],
	       n->mac[2], n->mac[3], n->mac[4], n->mac[5], ability(n->native_xdp), ability(n->zero_copy),
	       n->promiscuous ? ", promiscuous" : "");
	if (n->gro || n->lro || n->peer_offload)
		printf("%16s offloads that change what is seen:%s%s%s\n", "", n->gro ? " gro" : "", n->lro ? " lro" : "",
		       n->peer_offload ? " checksums left to a NIC" : "");
}

static void json_interface(struct json *j, const struct net_interface *n)
{
	json_object(j, NULL);
	json_str(j, "name", n->name);
	json_str(j, "driver", n->driver);
	json_hex(j, "mac", n->mac, sizeof(n->mac), ':');
	json_uint(j, "mtu", n->mtu);
	json_uint(j, "rx_queues", n->rx_queues);
	json_uint(j, "tx_queues", n->tx_queues);
	json_uint(j, "speed_mbps", n->speed_mbps);
	json_bool(j, "up", n->up);
	json_bool(j, "running", n->running);
	json_bool(j, "promiscuous", n->promiscuous);
	json_str(j, "native_xdp", ability(n->native_xdp));
	json_str(j, "zero_copy", ability(n->zero_copy));
	json_bool(j, "gro", n->gro);
	json_bool(j, "lro", n->lro);
	json_bool(j, "partial_checksums", n->peer_offload);
	json_close(j);
}

static int show_kinds(bool as_json)
{
	struct json j;

	for (unsigned i = 0; i < device_kind_count && !as_json; i++)
		printf("%-10s%s\n", device_kinds[i]->name, device_kinds[i]->summary);
	if (!as_json)
		return EXIT_FINE;
	if (print_json_begin(&j) < 0)
		return EXIT_PROBLEM;
	json_array(&j, NULL);
	for (unsigned i = 0; i < device_kind_count; i++) {
		json_object(&j, NULL);
		json_str(&j, "name", device_kinds[i]->name);
		json_str(&j, "summary", device_kinds[i]->summary);
		json_close(&j);
	}
	json_close(&j);
	return print_json_end(&j);
}

static int show_json(const struct net_interface *found, int count)
{
	struct json j;

	if (print_json_begin(&j) < 0)
		return EXIT_PROBLEM;
	json_array(&j, NULL);
	for (int i = 0; i < count; i++)
		json_interface(&j, &found[i]);
	json_close(&j);
	return print_json_end(&j);
}

static int run(int argc, char **argv)
{
	struct devices_options o = { 0 };
	struct net_interface *found = NULL;
	int status = options_parse(&command_devices, argc, argv, &o, NULL);
	int count;

	if (status != 0)
		return status < 0 ? EXIT_FINE : status;
	if (o.kinds)
		return show_kinds(o.json);
	count = net_interface_list(&found);
	if (count < 0) {
		fprintf(stderr, "tapir devices: the kernel doesn't tell: %s\n", strerror(-count));
		return EXIT_PROBLEM;
	}
	if (o.json)
		status = show_json(found, count);
	for (int i = 0; i < count && !o.json; i++)
		show(&found[i]);
	free(found);
	return status;
}

const struct command command_devices = {
	.name = "devices",
	.summary = "the interfaces of this machine, and how they can be watched",
	.usage = "[--json] [--kinds]",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.more = "Exit status: 0; 1 where the kernel doesn't tell.\n\nExample:\n  tapir devices --json\n",
	.run = run,
};
