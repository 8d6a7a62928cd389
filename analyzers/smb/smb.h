/* smb.h - SMB over TCP: what its files share.
 *
 * smb.c takes records apart, smb1.c and smb2.c read messages, setup.c what authenticates a session, names.c knows
 * numbers by name, record.c writes EVE. Requests and responses meet by message id; files and pipes are known by
 * their file id. Everything a connection remembers is a list of at most SMB_KEPT_MAX, the oldest giving way. */
#ifndef TAPIR_ANALYZERS_SMB_SMB_H
#define TAPIR_ANALYZERS_SMB_SMB_H

#include "analyzers/dcerpc/dcerpc.h"
#include "analyzers/file.h"

#define SMB_KEPT_MAX 256
#define SMB_NAME_MAX 1024
#define SMB2_HEADER_LEN 64
#define SMB1_HEADER_LEN 32

#define STATUS_SUCCESS 0u
#define STATUS_PENDING 0x103u
#define STATUS_BUFFER_OVERFLOW 0x80000005u
#define STATUS_END_OF_FILE 0xc0000011u

enum smb_event { MALFORMED_DATA, RECORD_OVERFLOW, MALFORMED_NTLMSSP_REQUEST, MALFORMED_NTLMSSP_RESPONSE, DUPLICATE_NEGOTIATE,
		 NEGOTIATE_MALFORMED_DIALECTS, FILE_OVERLAP };

enum smb_frame { FRAME_NBSS_PDU, FRAME_NBSS_HDR, FRAME_NBSS_DATA, FRAME_SMB1_PDU, FRAME_SMB1_HDR, FRAME_SMB1_DATA,
		 FRAME_SMB2_PDU, FRAME_SMB2_HDR, FRAME_SMB2_DATA, FRAME_SMB3_PDU, FRAME_SMB3_HDR, FRAME_SMB3_DATA };

enum smb2_command {
	SMB2_NEGOTIATE, SMB2_SESSION_SETUP, SMB2_LOGOFF, SMB2_TREE_CONNECT, SMB2_TREE_DISCONNECT, SMB2_CREATE, SMB2_CLOSE,
	SMB2_FLUSH, SMB2_READ, SMB2_WRITE, SMB2_LOCK, SMB2_IOCTL, SMB2_CANCEL, SMB2_KEEPALIVE, SMB2_FIND, SMB2_NOTIFY,
	SMB2_GET_INFO, SMB2_SET_INFO, SMB2_BREAK,
};

enum smb_kind { SMB_GENERIC, SMB_NEGOTIATED, SMB_SESSION, SMB_TREE, SMB_CREATED, SMB_FILE, SMB_RENAME, SMB_SET_INFO, SMB_IOCTL, SMB_DCERPC };

/* Who a file is: SMB2's 16 bytes, or SMB1's 2. */
struct smb_fid {
	uint8_t bytes[16];
	uint8_t len;
};

struct smb_chunk {                      /* of a file, ahead of what was seen so far */
	struct smb_chunk *next;
	uint64_t offset;
	struct bytes data;
};

struct smb_tx {
	struct tx tx;
	uint8_t kind, version;          /* enum smb_kind; 1, 2 */
	uint16_t command;
	bool has_status, dos_status, is_pipe, directory, delete_on_close, has_ntlmssp, has_client_guid, has_version, open;
	uint8_t side;                   /* SMB_FILE: the direction of its bytes */
	uint32_t status;
	uint64_t message, session;
	uint32_t tree;
	struct smb_fid fid;
	struct bytes name;              /* file, share, rename from */
	struct bytes other;             /* rename to, share of a file, client dialects (16 bits each, or texts each ended by 0) */
	struct bytes service[2];        /* SMB1 trees: what was asked for, what it is */
	struct bytes native_os[2], native_lm[2];
	struct bytes user, domain, host;
	struct bytes realm, snames;     /* Kerberos; snames each ended by 0 */
	uint8_t client_guid[16], server_guid[16];
	uint8_t os_version[8];
	uint32_t share_type, disposition, function, times[4];
	uint64_t size;
	uint16_t subcommand, level;
	struct file *file;
	uint64_t next_offset;           /* of the file's bytes */
	struct smb_chunk *chunks;
	unsigned chunk_count;
	struct dce_call call;
	struct smb_pipe *pipe;
};

/* A file or pipe that is open. */
struct smb_pipe {
	struct smb_pipe *next;
	struct smb_fid fid;
	struct bytes name;
	struct bytes partial[2];        /* of a DCE/RPC PDU, by side */
};

struct smb_tree {
	struct smb_tree *next;
	uint64_t session;
	uint32_t id;
	bool is_pipe;
	struct bytes name;
};

/* A read that waits for its bytes. */
struct smb_read {
	struct smb_read *next;
	uint64_t message, offset;
	struct smb_fid fid;
};

struct smb_state {
	uint16_t dialect;               /* SMB2's; 0 = not known */
	struct bytes dialect1;          /* SMB1's, as text */
	struct bytes dialects1;         /* what the client offered, each ended by 0 */
	uint32_t read_max, write_max;
	struct smb_pipe *pipes;
	struct smb_tree *trees;
	struct smb_read *reads;
	unsigned pipe_count, tree_count, read_count;
	struct dce_ifaces ifaces;
	bool resync[2];
	uint64_t skip[2];               /* of a record that nobody reads */
	struct smb_tx *streaming[2];    /* a file whose bytes fill the rest of the record */
	uint64_t streaming_left[2];
};

struct smb2_header {
	uint32_t status, flags, next, tree;
	uint16_t command;
	uint64_t message, session;
};

/* smb.c */
struct smb_tx *smb_tx_new(struct analysis *a, uint8_t kind, uint8_t version, uint16_t command);
void smb_text(struct analysis *a, struct bytes *out, struct slice text);        /* UTF-16 loses its zero bytes */
bool smb_fid_same(const struct smb_fid *x, const struct smb_fid *y);
struct smb_pipe *smb_pipe_get(struct analysis *a, const struct smb_fid *fid, bool make);
struct smb_tree *smb_tree_get(struct analysis *a, uint64_t session, uint32_t id, bool make);
void smb_read_note(struct analysis *a, uint64_t message, const struct smb_fid *fid, uint64_t offset);
bool smb_read_take(struct analysis *a, uint64_t message, struct smb_read *out);
struct smb_tx *smb_open_tx(struct analysis *a, uint8_t version, uint16_t command, uint64_t message, enum side side);
void smb_status(struct smb_tx *t, uint32_t status);
void smb_event(struct analysis *a, struct smb_tx *t, enum smb_event event);
/* Bytes of a file; the transaction, which is the file's. */
struct smb_tx *smb_file_bytes(struct analysis *a, struct smb_tx *from, enum side side, uint64_t offset, struct slice data);
struct smb_tx *smb_file_find(struct analysis *a, const struct smb_fid *fid, enum side side);
void smb_file_done(struct analysis *a, const struct smb_fid *fid);
/* Bytes of a named pipe: DCE/RPC. */
bool smb_dce_probe(struct slice data);
void smb_dce_bytes(struct analysis *a, const struct smb_tx *from, enum side side, struct slice data);

/* smb2.c, smb1.c: one message; missing: how many bytes of the record's end aren't there yet */
void smb2_message(struct analysis *a, enum side side, const struct smb2_header *h, struct slice message, uint64_t missing);
bool smb2_header_read(struct slice data, struct smb2_header *h);
void smb1_message(struct analysis *a, enum side side, struct slice message, uint64_t missing);

/* setup.c */
void smb_security_blob(struct analysis *a, struct smb_tx *t, struct slice blob);

/* names.c */
const char *smb_command_name(uint8_t version, uint16_t command, char *room, size_t cap);
const char *smb_status_name(uint32_t status);
const char *smb_dos_error_name(uint8_t class, uint16_t code);
const char *smb_dialect_name(uint16_t dialect);
const char *smb_function_name(uint32_t function);
const char *smb_level_name(uint16_t level);

/* record.c */
bool smb_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j);
void *smb_record_options(const struct conf *type);
void smb_record_options_free(void *options);

#endif
