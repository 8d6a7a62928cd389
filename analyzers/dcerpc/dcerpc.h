/* dcerpc.h - what DCE/RPC is made of (C706, MS-RPCE), for connections of its own and for SMB's named pipes.
 *
 * A `dce_call` is one request with its response, a `dce_ifaces` what a connection or pipe has bound. Both are
 * charged to the flow's budget and bounded: DCE_IFACES_MAX interfaces, DCE_STUB_MAX bytes of stub a side. */
#ifndef TAPIR_ANALYZERS_DCERPC_DCERPC_H
#define TAPIR_ANALYZERS_DCERPC_DCERPC_H

#include "analyzers/analyzer.h"

#define DCE_HEADER_LEN 16
#define DCE_IFACES_MAX 1024
#define DCE_STUB_MAX (1u << 20)

enum dce_type {
	DCE_REQUEST = 0, DCE_RESPONSE = 2, DCE_FAULT = 3, DCE_BIND = 11, DCE_BINDACK = 12, DCE_BINDNAK = 13, DCE_ALTER = 14,
	DCE_ALTER_RESPONSE = 15, DCE_AUTH3 = 16, DCE_TYPES = 21,
};

enum dce_flag { DCE_FIRST_FRAG = 1, DCE_LAST_FRAG = 2 };

struct dce_header {
	uint8_t version, minor, type, flags;
	bool little;
	uint16_t frag_len, auth_len;
	uint32_t call_id;
};

struct dce_iface {
	uint8_t uuid[16];               /* as it is written: big endian */
	uint16_t context, version, minor;
	uint16_t result, reason;
	bool acked, first_frag;
};

struct dce_ifaces {
	struct bytes list;              /* of struct dce_iface */
	uint32_t newest;                /* where those of the last bind begin */
};

struct dce_call {
	uint8_t type[2];                /* enum dce_type by side, where has says so */
	bool has[2];
	bool has_opnum;
	bool little;
	uint16_t context, opnum;
	uint32_t call_id;
	uint32_t fragments[2];
	struct bytes stub[2];
};

/* False: too short, or not DCE/RPC version 5. */
bool dce_header_read(struct slice data, struct dce_header *h);
const char *dce_type_name(uint8_t type);
/* Bodies: what follows the header in a PDU. False where malformed. */
bool dce_bind_read(struct dce_ifaces *ifaces, struct budget *b, const struct dce_header *h, struct slice body);
bool dce_bindack_read(struct dce_ifaces *ifaces, const struct dce_header *h, struct slice body);
bool dce_request_read(struct dce_call *call, struct budget *b, const struct dce_header *h, struct slice body);
/* skip: bytes before the stub that aren't part of it. */
bool dce_response_read(struct dce_call *call, struct budget *b, const struct dce_header *h, struct slice body, size_t skip);
/* One fragment of a side's stub. */
void dce_stub_add(struct dce_call *call, struct budget *b, const struct dce_header *h, enum side side, struct slice stub);
void dce_call_fini(struct dce_call *call, struct budget *b);

/* The keywords: dcerpc.iface and dcerpc.opnum. */
void *dce_iface_parse(const char *argument, const char **error);
bool dce_iface_test(const struct dce_ifaces *ifaces, const struct dce_call *call, const void *parsed);
bool dce_iface_is(const void *parsed, const uint8_t *uuid, uint32_t version);
void *dce_opnum_parse(const char *argument, const char **error);
bool dce_opnum_test(const struct dce_call *call, const void *parsed);

/* "interfaces": [...] of the newest bind, or those of the call's context. */
void dce_ifaces_record(const struct dce_ifaces *ifaces, const struct dce_call *call, bool reasons, struct json *j);
void dce_uuid_record(struct json *j, const char *key, const uint8_t *uuid);
void dce_stub_record(struct json *j, const char *key, const struct dce_call *call, enum side side, bool with_opnum);

#endif
