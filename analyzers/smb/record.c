/* record.c - EVE's smb object. */
#include <stdlib.h>

#include "analyzers/smb/smb.h"

enum record_type { TYPE_FILE = 1, TYPE_TREE = 2, TYPE_NEGOTIATE = 4, TYPE_DCERPC = 8, TYPE_CREATE = 16, TYPE_SESSION = 32, TYPE_IOCTL = 64,
		   TYPE_RENAME = 128, TYPE_SET_INFO = 256, TYPE_GENERIC = 512 };

struct smb_options {
	uint32_t types;                 /* 0 = all */
};

void *smb_record_options(const struct conf *type)
{
	static const struct { const char *name; uint32_t bit; } names[] = {
		{ "file", TYPE_FILE }, { "tree_connect", TYPE_TREE }, { "negotiate", TYPE_NEGOTIATE }, { "dcerpc", TYPE_DCERPC },
		{ "create", TYPE_CREATE }, { "session_setup", TYPE_SESSION }, { "ioctl", TYPE_IOCTL }, { "rename", TYPE_RENAME },
		{ "set_file_path_info", TYPE_SET_INFO }, { "generic", TYPE_GENERIC },
	};
	struct smb_options *o = calloc(1, sizeof(*o));
	const struct conf *list = type != NULL ? conf_find(type, "types") : NULL;

	if (o == NULL)
		return NULL;
	for (const struct conf *c = list != NULL ? list->first : NULL; c != NULL; c = c->next)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (c->value != NULL && strcmp(c->value, names[i].name) == 0)
				o->types |= names[i].bit;
	return o;
}

void smb_record_options_free(void *options)
{
	free(options);
}

static uint32_t type_of(const struct smb_tx *t)
{
	static const uint32_t types[] = {
		[SMB_GENERIC] = TYPE_GENERIC, [SMB_NEGOTIATED] = TYPE_NEGOTIATE, [SMB_SESSION] = TYPE_SESSION, [SMB_TREE] = TYPE_TREE,
		[SMB_CREATED] = TYPE_CREATE, [SMB_FILE] = TYPE_FILE, [SMB_RENAME] = TYPE_RENAME, [SMB_SET_INFO] = TYPE_SET_INFO,
		[SMB_IOCTL] = TYPE_IOCTL, [SMB_DCERPC] = TYPE_DCERPC,
	};

	return types[t->kind];
}

/* As Windows writes them: the first three parts are numbers in little endian. */
static void guid(struct json *j, const char *key, const uint8_t *g)
{
	json_printf(j, key, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", g[3], g[2], g[1], g[0], g[5], g[4],
		    g[7], g[6], g[9], g[8], g[15], g[14], g[13], g[12], g[11], g[10]);
}

static void fuid(struct json *j, const struct smb_fid *f)
{
	const uint8_t *g = f->bytes;

	if (f->len == 16)
		json_printf(j, "fuid", "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", g[3], g[2], g[1], g[0],
			    g[5], g[4], g[7], g[6], g[9], g[8], g[11], g[10], g[15], g[14], g[13], g[12]);
	else if (f->len >= 2)
		json_printf(j, "fuid", "%02x%02x", g[1], g[0]);
	else
		json_str(j, "fuid", "");
}

/* Texts that each end with a zero byte, as strings of an open array. */
static void texts(struct json *j, struct slice list)
{
	while (list.len > 0) {
		const uint8_t *end = memchr(list.data, 0, list.len);
		size_t len = end != NULL ? (size_t)(end - list.data) : list.len;

		json_bytes(j, NULL, list.data, len);
		list = slice_skip(list, end != NULL ? len + 1 : len);
	}
}

static void record_session(const struct smb_tx *t, struct json *j)
{
	static const char *const keys[] = { "request", "response" };

	if (t->realm.len > 0) {
		json_object(j, "kerberos");
		json_slice(j, "realm", bytes_slice(&t->realm));
		json_array(j, "snames");
		texts(j, bytes_slice(&t->snames));
		json_close(j);
		json_close(j);
	}
	if (t->has_ntlmssp) {
		const uint8_t *v = t->os_version;

		json_object(j, "ntlmssp");
		json_slice(j, "domain", bytes_slice(&t->domain));
		json_slice(j, "user", bytes_slice(&t->user));
		json_slice(j, "host", bytes_slice(&t->host));
		if (t->has_version)
			json_printf(j, "version", "%u.%u build %u rev %u", v[0], v[1], load_le16(v + 2), v[7]);
		json_close(j);
	}
	for (unsigned s = 0; s < 2; s++) {
		if (t->native_os[s].len == 0 && t->native_lm[s].len == 0)
			continue;
		json_object(j, keys[s]);
		json_slice(j, "native_os", bytes_slice(&t->native_os[s]));
		json_slice(j, "native_lm", bytes_slice(&t->native_lm[s]));
		json_close(j);
	}
}

static void record_name(const struct smb_tx *t, const char *key, struct json *j)
{
	if (t->name.len > 0)
		json_slice(j, key, bytes_slice(&t->name));
	else
		json_str(j, "filename", "<share_root>");
	json_str(j, "access", t->delete_on_close ? "delete on close" : "normal");
}

static void record_create(const struct smb_tx *t, struct json *j)
{
	static const char *const dispositions[] = { "FILE_SUPERSEDE", "FILE_OPEN", "FILE_CREATE", "FILE_OPEN_IF", "FILE_OVERWRITE",
						    "FILE_OVERWRITE_IF" };
	static const char *const keys[] = { "created", "accessed", "modified", "changed" };

	record_name(t, t->directory ? "directory" : "filename", j);
	json_str(j, "disposition", t->disposition < 6 ? dispositions[t->disposition] : "UNKNOWN");
	for (unsigned i = 0; i < 4; i++)
		json_uint(j, keys[i], t->times[i]);
	json_uint(j, "size", t->size);
	fuid(j, &t->fid);
}

static void record_negotiate(const struct smb_state *st, const struct smb_tx *t, struct json *j)
{
	json_array(j, "client_dialects");
	if (t->version == 1) {
		texts(j, bytes_slice(&t->other));
	} else {
		for (uint32_t i = 0; i + 1 < t->other.len; i += 2) {
			uint16_t dialect = load_le16(t->other.data + i);
			const char *name = smb_dialect_name(dialect);

			if (name != NULL)
				json_str(j, NULL, name);
			else
				json_printf(j, NULL, "%u", dialect);
		}
	}
	json_close(j);
	if (t->has_client_guid)
		guid(j, "client_guid", t->client_guid);
	guid(j, "server_guid", t->server_guid);
	if (st != NULL && st->read_max > 0)
		json_uint(j, "max_read_size", st->read_max);
	if (st != NULL && st->write_max > 0)
		json_uint(j, "max_write_size", st->write_max);
}

static void record_tree(const struct smb_tx *t, struct json *j)
{
	static const char *const types[] = { "UNKNOWN", "FILE", "PIPE", "PRINT" };

	json_slice(j, t->is_pipe ? "named_pipe" : "share", bytes_slice(&t->name));
	if (t->version == 1) {
		json_object(j, "service");
		if (t->service[0].len)
			json_slice(j, "request", bytes_slice(&t->service[0]));
		if (t->service[1].len)
			json_slice(j, "response", bytes_slice(&t->service[1]));
		json_close(j);
	} else {
		json_str(j, "share_type", types[t->share_type < 4 ? t->share_type : 0]);
	}
}

static void record_dcerpc(const struct smb_state *st, const struct smb_tx *t, struct json *j)
{
	const struct dce_call *c = &t->call;

	json_object(j, "dcerpc");
	json_str(j, "request", c->has[TO_SERVER] ? dce_type_name(c->type[TO_SERVER]) : "REQUEST_LOST");
	json_str(j, "response", c->has[TO_CLIENT] ? dce_type_name(c->type[TO_CLIENT]) : "UNREPLIED");
	if (c->has[TO_SERVER] && c->type[TO_SERVER] == DCE_REQUEST) {
		json_uint(j, "opnum", c->opnum);
		dce_stub_record(j, "req", c, TO_SERVER, false);
	}
	if (c->has[TO_SERVER] && (c->type[TO_SERVER] == DCE_REQUEST || c->type[TO_SERVER] == DCE_BIND) && st != NULL)
		dce_ifaces_record(&st->ifaces, c, true, j);
	if (c->has[TO_CLIENT] && c->type[TO_CLIENT] == DCE_RESPONSE)
		dce_stub_record(j, "res", c, TO_CLIENT, false);
	json_uint(j, "call_id", c->call_id);
	json_close(j);
}

static void record_rename(const struct smb_tx *t, struct json *j)
{
	if (t->version == 2) {
		json_object(j, "set_info");
		json_str(j, "class", "FILE_INFO");
		json_str(j, "info_level", "SMB2_FILE_RENAME_INFO");
		json_close(j);
	}
	json_object(j, "rename");
	json_slice(j, "from", bytes_slice(&t->name));
	json_slice(j, "to", bytes_slice(&t->other));
	json_close(j);
	fuid(j, &t->fid);
}

static void record_set_info(const struct smb_tx *t, struct json *j)
{
	const char *level = smb_level_name(t->level);

	record_name(t, "filename", j);
	if (t->version == 1)
		json_str(j, "subcmd", t->subcommand == 8 ? "SET_FILE_INFO" : "SET_PATH_INFO");
	if (level != NULL)
		json_str(j, "level_of_interest", level);
	fuid(j, &t->fid);
}

static void record_kind(const struct smb_state *st, const struct smb_tx *t, struct json *j)
{
	const char *function;

	switch (t->kind) {
	case SMB_NEGOTIATED:
		record_negotiate(st, t, j);
		break;
	case SMB_SESSION:
		record_session(t, j);
		break;
	case SMB_TREE:
		record_tree(t, j);
		break;
	case SMB_CREATED:
		record_create(t, j);
		break;
	case SMB_FILE:
		json_slice(j, "filename", bytes_slice(&t->name));
		json_slice(j, "share", bytes_slice(&t->other));
		fuid(j, &t->fid);
		break;
	case SMB_RENAME:
		record_rename(t, j);
		break;
	case SMB_SET_INFO:
		record_set_info(t, j);
		break;
	case SMB_IOCTL:
		function = smb_function_name(t->function);
		if (function != NULL)
			json_str(j, "function", function);
		else
			json_printf(j, "function", "UNKNOWN-0x%08x", t->function);
		break;
	case SMB_DCERPC:
		record_dcerpc(st, t, j);
		break;
	default:
		break;
	}
}

/* The errors of DOS and of the first servers: a class and a number. */
static void record_dos_status(const struct smb_tx *t, struct json *j)
{
	uint8_t class = t->status & 0xff;
	uint16_t code = (uint16_t)(t->status >> 16);
	const char *name = smb_dos_error_name(class, code);

	if (name != NULL)
		json_str(j, "status", name);
	else
		json_printf(j, "status", "UNKNOWN_%02x_%04x", class, code);
	json_printf(j, "status_code", "0x%04x", code);
}

static void record_status(const struct smb_tx *t, struct json *j)
{
	const char *name = smb_status_name(t->status);

	if (!t->has_status)
		return;
	if (t->dos_status) {
		record_dos_status(t, j);
		return;
	}
	if (name != NULL)
		json_str(j, "status", name);
	else
		json_printf(j, "status", "UNKNOWN_%02x_%08x", t->command, t->status);
	json_printf(j, "status_code", "0x%x", t->status);
}

bool smb_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct smb_options *o = req->options;
	const struct smb_state *st = a->state;
	const struct smb_tx *t = (const struct smb_tx *)tx;
	char room[32];

	if (!req->alert && o != NULL && o->types != 0 && (o->types & type_of(t)) == 0)
		return false;
	json_object(j, "smb");
	json_uint(j, "id", tx->id + 1);
	if (st != NULL && st->dialect != 0 && smb_dialect_name(st->dialect) != NULL)
		json_str(j, "dialect", smb_dialect_name(st->dialect));
	else if (st != NULL && st->dialect != 0)
		json_printf(j, "dialect", "%u", st->dialect);
	else if (st != NULL && st->dialect1.len > 0)
		json_slice(j, "dialect", bytes_slice(&st->dialect1));
	else
		json_str(j, "dialect", "unknown");
	json_str(j, "command", smb_command_name(t->version, t->command, room, sizeof(room)));
	record_status(t, j);
	json_uint(j, "session_id", t->session);
	json_uint(j, "tree_id", t->tree);
	record_kind(st, t, j);
	json_close(j);
	return true;
}
