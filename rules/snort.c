/* snort.c - words of Snort's rule language that mean nothing here, and what to write instead. */
#include "base/must.h"
#include "base/text.h"
#include "rules/lint.h"

static const struct {
	const char *word, *instead;
} words[] = {
	{ "activated_by", "an old keyword of Snort: flowbits ties rules together" },
	{ "activates", "an old keyword of Snort: flowbits ties rules together" },
	{ "appids", "a keyword of Snort: write the protocol in the header, or app-layer-protocol:NAME" },
	{ "ber_data", "a keyword of Snort: write asn1 or byte_jump" },
	{ "ber_skip", "a keyword of Snort: write asn1 or byte_jump" },
	{ "bufferlen", "a keyword of Snort: write bsize" },
	{ "cip_attribute", "a keyword of Snort: write cip_service" },
	{ "cip_class", "a keyword of Snort: write cip_service" },
	{ "cip_req", "a keyword of Snort: write alert enip, and cip_service" },
	{ "cip_rsp", "a keyword of Snort: write alert enip, and cip_service" },
	{ "count", "an old keyword of Snort: tag keeps what follows an alert" },
	{ "cvs", "a keyword of Snort: write a pcre" },
	{ "dnp3_func", "a keyword of Snort: write alert dnp3, and a content" },
	{ "enable", "a keyword of Snort: put # in front of a rule that isn't to be used" },
	{ "file_meta", "a keyword of Snort: write filemagic" },
	{ "file_type", "a keyword of Snort: write filemagic or fileext" },
	{ "gtp_info", "a keyword of Snort: write byte_test on the payload" },
	{ "gtp_type", "a keyword of Snort: write byte_test on the payload" },
	{ "gtp_version", "a keyword of Snort: write byte_test on the payload" },
	{ "hash", "a keyword of Snort: write filemd5 or filesha256 with a list" },
	{ "http_encode", "a keyword of Snort: write http.uri.raw, and a pcre" },
	{ "http_header_test", "a keyword of Snort: write http.header, and a pcre" },
	{ "http_num_headers", "a keyword of Snort: write http.header_names, and a pcre" },
	{ "http_num_trailers", "a keyword of Snort: there is nothing like it" },
	{ "http_param", "a keyword of Snort: write http.uri or http.request_body, and a pcre" },
	{ "http_raw_body", "a keyword of Snort: write http.request_body" },
	{ "http_raw_request", "a keyword of Snort: write http.request_line" },
	{ "http_raw_status", "a keyword of Snort: write http.response_line" },
	{ "http_raw_trailer", "a keyword of Snort: write http.header.raw" },
	{ "http_trailer", "a keyword of Snort: write http.header" },
	{ "http_true_ip", "a keyword of Snort: write http.header, and content:\"X-Forwarded-For\"" },
	{ "http_version", "a keyword of Snort: write http.protocol" },
	{ "js_data", "a keyword of Snort: write file.data" },
	{ "logto", "an old keyword of Snort: outputs choose by sid" },
	{ "md5", "a keyword of Snort: as a transform, to_md5; for files, filemd5" },
	{ "modbus_func", "a keyword of Snort: write modbus: function N" },
	{ "modbus_unit", "a keyword of Snort: write modbus: unit N" },
	{ "pkt_num", "a keyword of Snort: there is nothing like it" },
	{ "raw_data", "a keyword of Snort: write pkt_data" },
	{ "react", "an old keyword of Snort: write reject instead of alert" },
	{ "regex", "a keyword of Snort: write pcre" },
	{ "rem", "a keyword of Snort: write metadata" },
	{ "resp", "an old keyword of Snort: write reject instead of alert" },
	{ "s7commplus_content", "a keyword of Snort: write a content on the payload" },
	{ "s7commplus_func", "a keyword of Snort: write byte_test on the payload" },
	{ "s7commplus_opcode", "a keyword of Snort: write byte_test on the payload" },
	{ "sd_pattern", "a keyword of Snort: write a pcre" },
	{ "service", "a keyword of Snort: write the protocol in the header, as alert http" },
	{ "session", "an old keyword of Snort: tag:session keeps what follows an alert" },
	{ "sha256", "a keyword of Snort: as a transform, to_sha256; for files, filesha256" },
	{ "sha512", "a keyword of Snort: for files, filesha256" },
	{ "sip_body", "a keyword of Snort: write alert sip, and a content on the payload" },
	{ "sip_header", "a keyword of Snort: write alert sip, and a content on the payload" },
	{ "so", "a shared object of Snort can't be used" },
	{ "soid", "a shared object of Snort can't be used" },
	{ "stream_reassemble", "a keyword of Snort: streams are always reassembled; flow:no_stream looks at packets" },
	{ "vba_data", "a keyword of Snort: write file.data" },
};

const char *snort_word(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (text_is(name, words[i].word))
			return words[i].instead;
	return NULL;
}
