/* setup.c - what a session setup's security blob says of the user: NTLMSSP's last message (MS-NLMP 2.2.1.3), or the
 * service and realm of a Kerberos ticket (RFC 4120 5.3). The wrapping (SPNEGO) is passed over by looking for their marks. */
#include "analyzers/smb/smb.h"

static struct slice mark_find(struct slice blob, const void *mark, size_t len)
{
	const uint8_t *at = blob.len >= len ? memmem(blob.data, blob.len, mark, len) : NULL;

	return at != NULL ? slice_skip(blob, (size_t)(at - blob.data)) : slice_of(NULL, 0);
}

static void ntlm_text(struct analysis *a, struct bytes *out, struct slice message, size_t at)
{
	uint16_t len = load_le16(message.data + at);
	uint32_t offset = load_le32(message.data + at + 4);

	if (offset <= message.len && len <= message.len - offset)
		smb_text(a, out, slice_of(message.data + offset, len));
}

static void ntlm(struct analysis *a, struct smb_tx *t, struct slice m)
{
	if (m.len < 12 || load_le32(m.data + 8) != 3)
		return;
	if (m.len < 64) {
		smb_event(a, t, MALFORMED_NTLMSSP_REQUEST);
		return;
	}
	ntlm_text(a, &t->domain, m, 28);
	ntlm_text(a, &t->user, m, 36);
	ntlm_text(a, &t->host, m, 44);
	t->has_ntlmssp = true;
	if ((load_le32(m.data + 60) & 0x02000000) != 0 && m.len >= 72) {
		memcpy(t->os_version, m.data + 64, 8);
		t->has_version = true;
	}
}

/* One DER element with this tag: what is in it. Empty where there is another. */
static struct slice der(struct reader *r, uint8_t tag)
{
	uint8_t seen = read_u8(r), first = read_u8(r);
	size_t len = first;

	if (first & 0x80) {
		len = 0;
		if ((first & 0x7f) > 3)
			r->ran_out = true;
		for (unsigned i = 0; i < (first & 0x7fu) && !r->ran_out; i++)
			len = len << 8 | read_u8(r);
	}
	if (seen != tag)
		r->ran_out = true;
	return read_slice(r, len);
}

static struct reader der_in(struct reader *r, uint8_t tag)
{
	struct reader in = reader_slice(der(r, tag));

	in.ran_out = r->ran_out;
	return in;
}

static void kerberos(struct analysis *a, struct smb_tx *t, struct slice ap_req)
{
	struct reader r = reader_slice(ap_req), request, seq, wrapped, ticket, body, name, list;
	struct slice realm;

	request = der_in(&r, 0x6e);
	seq = der_in(&request, 0x30);
	der(&seq, 0xa0);
	der(&seq, 0xa1);
	der(&seq, 0xa2);
	wrapped = der_in(&seq, 0xa3);
	ticket = der_in(&wrapped, 0x61);
	body = der_in(&ticket, 0x30);
	der(&body, 0xa0);
	wrapped = der_in(&body, 0xa1);
	realm = der(&wrapped, 0x1b);
	if (wrapped.ran_out)
		return;
	smb_text(a, &t->realm, realm);
	wrapped = der_in(&body, 0xa2);
	name = der_in(&wrapped, 0x30);
	der(&name, 0xa0);
	wrapped = der_in(&name, 0xa1);
	list = der_in(&wrapped, 0x30);
	while (!list.ran_out && reader_left(&list) > 0) {
		struct slice part = der(&list, 0x1b);

		if (list.ran_out || t->snames.len + part.len > SMB_NAME_MAX)
			break;
		bytes_append(&t->snames, a->budget, part.data, part.len);
		bytes_append_u8(&t->snames, a->budget, 0);
	}
}

void smb_security_blob(struct analysis *a, struct smb_tx *t, struct slice blob)
{
	/* The mechanism's id as GSS-API puts it in front, and its token id for AP-REQ (RFC 4121 4.1). */
	static const uint8_t krb5[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x01, 0x00 };
	struct slice found = mark_find(blob, "NTLMSSP", 8);

	if (found.len > 0) {
		ntlm(a, t, found);
		return;
	}
	found = mark_find(blob, krb5, sizeof(krb5));
	if (found.len > 0)
		kerberos(a, t, slice_skip(found, sizeof(krb5)));
}
