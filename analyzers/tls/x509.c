/* x509.c - see x509.h. Each element is read inside the one around it, so that work and memory are
 * bounded by the certificate's bytes; names are expanded once. What isn't wanted is stepped over, but
 * must have a length that fits. */
#include "analyzers/tls/x509.h"

#include <stdio.h>

#include "analyzers/ber.h"
#include "base/must.h"
#include "stack/wire/ip.h"

#define NAMES_MAX 4096          /* subjectAltNames kept */

enum der_tag { DER_VERSION = BER_CONTEXT_OF + 0, DER_EXTENSIONS = BER_CONTEXT_OF + 3 };

static enum x509_error der_next(struct reader *in, struct ber *out)
{
	uint32_t len = 0;

	switch (ber_header_read(in, &out->tag, &len)) {
	case PARSE_MORE:
		return X509_LENGTH;
	case PARSE_BAD:
		return X509_INVALID;
	default:
		break;
	}
	if (len > reader_left(in))
		return X509_INVALID;
	out->value = read_slice(in, len);
	return X509_OK;
}

/* The next element, which has to be a tag; any other is `otherwise`. */
static enum x509_error der_expect(struct reader *in, uint8_t tag, enum x509_error otherwise, struct ber *out)
{
	const enum x509_error err = der_next(in, out);

	if (err != X509_OK)
		return err;
	return out->tag == tag ? X509_OK : otherwise;
}

/* ---- text ---- */

struct text {
	struct x509 *x;
	struct budget *budget;
	bool no_memory;
};

static void put(struct text *t, const void *data, size_t len)
{
	if (len && !bytes_append(&t->x->text, t->budget, data, len))
		t->no_memory = true;
}

static void put_str(struct text *t, const char *s)
{
	put(t, s, strlen(s));
}

static void put_hex(struct text *t, struct slice s, const char *between)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len && !t->no_memory; i++) {
		const char hex[2] = { digits[s.data[i] >> 4], digits[s.data[i] & 15] };

		if (i > 0)
			put_str(t, between);
		put(t, hex, 2);
	}
}

/* Attributes of names that Suricata knows by name: by their object identifiers' bytes. */
static const struct {
	const char *oid;
	uint8_t len;
	const char *name;
} attributes[] = {
	{ "\x55\x04\x00", 3, "objectClass" }, { "\x55\x04\x02", 3, "knowledgeInformation" },
	{ "\x55\x04\x03", 3, "CN" }, { "\x55\x04\x04", 3, "surname" }, { "\x55\x04\x05", 3, "serialNumber" },
	{ "\x55\x04\x06", 3, "C" }, { "\x55\x04\x07", 3, "L" }, { "\x55\x04\x08", 3, "ST" },
	{ "\x55\x04\x09", 3, "streetAddress" }, { "\x55\x04\x0a", 3, "O" }, { "\x55\x04\x0b", 3, "OU" },
	{ "\x55\x04\x0c", 3, "title" }, { "\x55\x04\x0d", 3, "description" }, { "\x55\x04\x0e", 3, "searchGuide" },
	{ "\x55\x04\x0f", 3, "businessCategory" }, { "\x55\x04\x10", 3, "postalAddress" },
	{ "\x55\x04\x11", 3, "postalCode" }, { "\x55\x04\x29", 3, "name" }, { "\x55\x04\x2a", 3, "givenName" },
	{ "\x55\x04\x2b", 3, "initials" }, { "\x55\x04\x2c", 3, "generationQualifier" },
	{ "\x55\x04\x2d", 3, "uniqueIdentifier" }, { "\x55\x04\x2e", 3, "dnQualifier" },
	{ "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9, "Email" },
	{ "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x02", 9, "unstructuredName" },
	{ "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07", 9, "challengePassword" },
	{ "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10, "DC" },
	{ "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", 10, "uid" },
	{ "\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x01", 11, "msJurisdictionLocality" },
	{ "\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x02", 11, "msJurisdictionStateOrProvince" },
	{ "\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x03", 11, "msJurisdictionCountry" },
};

/* "OID(1.2.3)" */
static void put_oid(struct text *t, struct slice oid)
{
	uint64_t value = 0;
	bool first = true;
	char number[32];

	put_str(t, "OID(");
	for (size_t i = 0; i < oid.len; i++) {
		value = value << 7 | (oid.data[i] & 0x7f);
		if (oid.data[i] & 0x80)
			continue;
		if (first) {
			const uint64_t top = value < 40 ? 0 : value < 80 ? 1 : 2;

			snprintf(number, sizeof(number), "%u.%llu", (unsigned)top,
				 (unsigned long long)(value - top * 40));
		} else {
			snprintf(number, sizeof(number), ".%llu", (unsigned long long)value);
		}
		put_str(t, number);
		first = false;
		value = 0;
	}
	put_str(t, ")");
}

static void put_attribute(struct text *t, struct slice oid)
{
	for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
		if (slice_eq(oid, slice_of(attributes[i].oid, attributes[i].len))) {
			put_str(t, attributes[i].name);
			return;
		}
	}
	put_oid(t, oid);
}

/* One UTF-16 unit as UTF-8; halves of pairs are not put together: nobody has them in names. */
static void put_utf16(struct text *t, uint16_t c)
{
	uint8_t out[3];

	if (c < 0x80) {
		out[0] = (uint8_t)c;
		put(t, out, 1);
	} else if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3f));
		put(t, out, 2);
	} else {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (c & 0x3f));
		put(t, out, 3);
	}
}

/* A value of a name: text as it is, everything else in hex. */
static void put_value(struct text *t, const struct ber *value)
{
	switch (value->tag) {
	case BER_UTF8:
	case BER_NUMERIC:
	case BER_PRINTABLE:
	case BER_IA5:
	case BER_VISIBLE:
	case BER_T61:
		put(t, value->value.data, value->value.len);
		break;
	case BER_BMP:
		for (size_t i = 0; i + 1 < value->value.len; i += 2)
			put_utf16(t, load_be16(value->value.data + i));
		break;
	case BER_BIT_STRING:
		put_hex(t, slice_skip(value->value, 1), "");
		break;
	default:
		put_hex(t, value->value, "");
		break;
	}
}

/* "C=US, O=Some, CN=host + OU=one": what of a name can be read. */
static struct x509_text put_name(struct text *t, struct slice body)
{
	struct x509_text out = { .at = t->x->text.len, .there = true };
	struct reader rdns = reader_slice(body);
	struct ber rdn, pair, oid, value;
	bool first_rdn = true;

	while (!t->no_memory && der_expect(&rdns, BER_SET, X509_DER, &rdn) == X509_OK) {
		struct reader pairs = reader_slice(rdn.value);
		bool first_pair = true;

		while (!t->no_memory && der_expect(&pairs, BER_SEQUENCE, X509_DER, &pair) == X509_OK) {
			struct reader in = reader_slice(pair.value);

			if (der_expect(&in, BER_OID, X509_DER, &oid) != X509_OK || der_next(&in, &value) != X509_OK)
				break;
			if (!first_pair)
				put_str(t, " + ");
			else if (!first_rdn)
				put_str(t, ", ");
			first_pair = first_rdn = false;
			put_attribute(t, oid.value);
			put_str(t, "=");
			put_value(t, &value);
		}
	}
	out.len = t->x->text.len - out.at;
	return out;
}

/* ---- dates ---- */

/* n decimal digits; -1 where they aren't. */
static int digits(struct reader *in, unsigned n)
{
	int v = 0;

	while (n-- > 0) {
		const uint8_t c = read_u8(in);

		if (in->ran_out || c < '0' || c > '9')
			return -1;
		v = v * 10 + (c - '0');
	}
	return v;
}

/* Days since 1970 of a date in the Gregorian calendar, in eras of 400 years that begin in March. */
static int64_t days_of(int64_t year, int month, int day)
{
	const int64_t y = year - (month <= 2);
	const int64_t era = (y >= 0 ? y : y - 399) / 400;
	const int64_t of_era = y - era * 400;
	const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool month_has(int year, int month, int day)
{
	static const uint8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	return month != 2 || day < 29 || leap;
}

/* Fractions of a second are skipped; then Z, or +hhmm, or nothing. */
static bool zone_parse(struct reader *in, int64_t *out)
{
	uint8_t c = peek_u8(in);
	int hours, minutes;

	if (c == '.' || c == ',') {
		do {
			reader_skip(in, 1);
			c = peek_u8(in);
		} while (c >= '0' && c <= '9' && reader_left(in));
	}
	if (reader_left(in) == 0)
		return true;
	if (c != '+' && c != '-')
		return c == 'Z';
	reader_skip(in, 1);
	hours = digits(in, 2);
	minutes = digits(in, 2);
	if (hours < 0 || minutes < 0)
		return false;
	*out -= (c == '+' ? 60 : -60) * (hours * 60 + minutes);
	return true;
}

static enum x509_error date_parse(struct reader *dates, int64_t *out)
{
	struct ber d;
	struct reader in;
	const enum x509_error err = der_next(dates, &d);
	int year, month, day, hour, minute, second = 0;

	if (err != X509_OK)
		return err;
	if (d.tag != BER_UTC_TIME && d.tag != BER_GENERAL_TIME)
		return X509_DATE;
	in = reader_slice(d.value);
	year = digits(&in, d.tag == BER_UTC_TIME ? 2 : 4);
	if (d.tag == BER_UTC_TIME && year >= 0)
		year += year < 50 ? 2000 : 1900;        /* RFC 5280 4.1.2.5.1 */
	month = digits(&in, 2);
	day = digits(&in, 2);
	hour = digits(&in, 2);
	minute = digits(&in, 2);
	if (peek_u8(&in) >= '0' && peek_u8(&in) <= '9')
		second = digits(&in, 2);
	if (year < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 ||
	    !month_has(year, month, day))
		return X509_DATE;
	*out = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return zone_parse(&in, out) ? X509_OK : X509_DATE;
}

void x509_time_text(int64_t seconds, char out[X509_TIME_MAX])
{
	const int64_t days = (seconds >= 0 ? seconds : seconds - 86399) / 86400;
	const int64_t rest = seconds - days * 86400;
	const int64_t z = days + 719468;
	const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	const int64_t of_era = z - era * 146097;
	const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	const int64_t m = (5 * of_year + 2) / 153;
	const int day = (int)(of_year - (153 * m + 2) / 5 + 1);
	const int month = (int)(m < 10 ? m + 3 : m - 9);

	snprintf(out, X509_TIME_MAX, "%04d-%02d-%02dT%02d:%02d:%02d",
		 (int)(year_of_era + era * 400 + (month <= 2)) % 100000, month, day, (int)(rest / 3600),
		 (int)(rest / 60 % 60), (int)(rest % 60));
}

/* ---- extensions ---- */

static void put_counted(struct text *t, struct slice s)
{
	uint8_t len[2];

	if (s.len > 65535)
		s.len = 65535;
	len[0] = (uint8_t)(s.len >> 8);
	len[1] = (uint8_t)s.len;
	put(t, len, 2);
	put(t, s.data, s.len);
	t->x->name_count++;
}

static void alt_name(struct text *t, const struct ber *name)
{
	char text[IP_TEXT_MAX];
	struct ip_addr a = { 0 };

	switch (name->tag) {
	case 0x81:              /* mail address */
	case 0x82:              /* host */
	case 0x86:              /* URI */
		put_counted(t, name->value);
		break;
	case 0x87:
		if (name->value.len != 4 && name->value.len != 16)
			break;
		memcpy(a.bytes, name->value.data, name->value.len);
		ip_addr_text(&a, name->value.len == 4 ? 4 : 6, text);
		put_counted(t, slice_str(text));
		break;
	}
}

static void alt_names(struct text *t, struct slice octets)
{
	struct reader in = reader_slice(octets), names;
	struct ber all, name;

	if (t->x->name_count || der_expect(&in, BER_SEQUENCE, X509_DER, &all) != X509_OK)
		return;
	t->x->names_at = t->x->text.len;
	names = reader_slice(all.value);
	while (!t->no_memory && t->x->name_count < NAMES_MAX && der_next(&names, &name) == X509_OK)
		alt_name(t, &name);
	t->x->names_len = t->x->text.len - t->x->names_at;
}

static enum x509_error extensions_parse(struct text *t, struct slice body)
{
	struct reader in = reader_slice(body), list;
	struct ber all, one, oid, value;
	enum x509_error err = der_expect(&in, BER_SEQUENCE, X509_INVALID, &all);

	if (err != X509_OK)
		return err;
	list = reader_slice(all.value);
	while (reader_left(&list) > 0) {
		struct reader parts;

		if (der_expect(&list, BER_SEQUENCE, X509_INVALID, &one) != X509_OK)
			return X509_INVALID;
		parts = reader_slice(one.value);
		if (der_expect(&parts, BER_OID, X509_INVALID, &oid) != X509_OK ||
		    der_next(&parts, &value) != X509_OK)
			return X509_INVALID;
		if (value.tag == BER_BOOLEAN && der_next(&parts, &value) != X509_OK)   /* critical */
			return X509_INVALID;
		if (value.tag == BER_OCTETS && slice_eq(oid.value, slice_of("\x55\x1d\x11", 3)))
			alt_names(t, value.value);
	}
	return X509_OK;
}

/* ---- the certificate ---- */

/* A SEQUENCE whose insides don't matter, but that may not be empty. */
static enum x509_error filled_expect(struct reader *in)
{
	struct ber d;
	const enum x509_error err = der_expect(in, BER_SEQUENCE, X509_DER, &d);

	if (err != X509_OK)
		return err;
	return d.value.len ? X509_OK : X509_LENGTH;
}

static enum x509_error name_parse(struct text *t, struct reader *in, struct x509_text *out)
{
	struct ber d;
	const enum x509_error err = der_expect(in, BER_SEQUENCE, X509_DER, &d);

	if (err == X509_OK)
		*out = put_name(t, d.value);
	return err;
}

static enum x509_error serial_parse(struct text *t, struct reader *in)
{
	struct x509 *x = t->x;
	struct ber d;
	const enum x509_error err = der_expect(in, BER_INTEGER, X509_SERIAL, &d);

	if (err != X509_OK)
		return err;
	x->serial = (struct x509_text){ .at = x->text.len, .there = true };
	put_hex(t, d.value, ":");
	x->serial.len = x->text.len - x->serial.at;
	return X509_OK;
}

static enum x509_error validity_parse(struct x509 *x, struct reader *in)
{
	struct reader dates;
	struct ber d;
	enum x509_error err = der_expect(in, BER_SEQUENCE, X509_DER, &d);

	if (err != X509_OK)
		return err;
	dates = reader_slice(d.value);
	err = date_parse(&dates, &x->not_before);
	return err == X509_OK ? date_parse(&dates, &x->not_after) : err;
}

/* What follows the public key: two optional ids, then the extensions. */
static enum x509_error rest_parse(struct text *t, struct reader *in)
{
	while (reader_left(in) > 0) {
		struct ber d;
		enum x509_error err = der_next(in, &d);

		if (err != X509_OK)
			return err;
		if (d.tag == DER_EXTENSIONS)
			return extensions_parse(t, d.value);
		if (d.tag != 0x81 && d.tag != 0x82)
			return X509_INVALID;
	}
	return X509_OK;
}

static enum x509_error tbs_parse(struct text *t, struct slice body)
{
	struct reader in = reader_slice(body);
	enum x509_error err;
	struct ber version;

	if (peek_u8(&in) == DER_VERSION && der_next(&in, &version) != X509_OK)
		return X509_INVALID;
	err = serial_parse(t, &in);
	if (err == X509_OK)
		err = filled_expect(&in);               /* algorithm */
	if (err == X509_OK)
		err = name_parse(t, &in, &t->x->issuer);
	if (err == X509_OK)
		err = validity_parse(t->x, &in);
	if (err == X509_OK)
		err = name_parse(t, &in, &t->x->subject);
	if (err == X509_OK)
		err = filled_expect(&in);               /* public key */
	return err == X509_OK ? rest_parse(t, &in) : err;
}

enum x509_error x509_parse(struct x509 *x, struct budget *budget, struct slice der)
{
	struct text t = { .x = x, .budget = budget };
	struct reader in = reader_slice(der), inside;
	struct ber certificate, tbs;
	enum x509_error err = der_expect(&in, BER_SEQUENCE, X509_DER, &certificate);

	if (err != X509_OK)
		return err;
	inside = reader_slice(certificate.value);
	err = der_expect(&inside, BER_SEQUENCE, X509_DER, &tbs);
	if (err == X509_OK)
		err = tbs_parse(&t, tbs.value);
	return err == X509_OK && t.no_memory ? X509_NO_MEMORY : err;
}

void x509_fini(struct x509 *x, struct budget *budget)
{
	bytes_fini(&x->text, budget);
}

bool x509_name_at(const struct x509 *x, uint32_t i, struct slice *out)
{
	struct reader in = reader_of(x->text.data + x->names_at, x->names_len);

	if (i >= x->name_count)
		return false;
	while (i-- > 0)
		reader_skip(&in, read_be16(&in));
	*out = read_slice(&in, read_be16(&in));
	return !in.ran_out;
}
