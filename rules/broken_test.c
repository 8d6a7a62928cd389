/* broken_test.c - three hundred mistakes, each with the place and the words that its author gets to read. */
#include <stdlib.h>

#include "base/check.h"
#include "rules/parsed.h"

struct row {
	bool whole;             /* else only the options */
	const char *text;
	uint32_t column;        /* in text */
	const char *message;
};

#define HEAD "alert tcp any any -> any any ("
#define TAIL " sid:1;)"
#define O(text, column, message) { false, text, column, message }
#define R(text, column, message) { true, text, column, message }

static const struct row rows[] = {
	O("content:\"abc\"; nocase; nocase;", 24, "this content has nocase already"),
	O("nocase;", 1, "nocase has no content before it"),
	O("content:\"abc\"; depth:2;", 22, "depth 2 is less than the content's 3 bytes"),
	O("content:\"abc\"; depth:3; depth:4;", 25, "this content has depth already"),
	O("content:\"abc\"; depth:3; distance:1;", 25, "distance can't be used with depth on one content"),
	O("content:\"abc\"; distance:1; depth:3;", 28, "depth can't be used with distance on one content"),
	O("content:\"abc\"; offset:1; within:5;", 26, "within can't be used with offset on one content"),
	O("content:\"abc\"; within:2;", 23, "within 2 is less than the content's 3 bytes"),
	O("content:\"abc\"; content:\"def\"; within:2;", 38, "within 2 is less than the content's 3 bytes"),
	O("content:\"abc\"; startswith; depth:5;", 28, "depth can't be used with startswith on one content"),
	O("content:\"abc\"; depth:5; startswith;", 25, "startswith can't be used with depth on one content"),
	O("content:\"abc\"; startswith; startswith;", 28, "this content has startswith already"),
	O("content:\"abc\"; startswith; offset:1;", 28, "offset can't be used with startswith on one content"),
	O("content:\"abc\"; offset:1; startswith;", 26, "startswith can't be used with offset on one content"),
	O("content:\"abc\"; startswith; distance:1;", 28, "distance can't be used with startswith on one content"),
	O("content:\"abc\"; distance:1; startswith;", 28, "startswith can't be used with distance on one content"),
	O("content:\"abc\"; startswith; within:10;", 28, "within can't be used with startswith on one content"),
	O("content:\"abc\"; offset:70000;", 23, "70000 isn't between 0 and 65535"),
	O("content:\"abc\"; offset:-1;", 23, "-1 isn't between 0 and 65535"),
	O("content:\"abc\"; depth:70000;", 22, "70000 isn't between 0 and 65535"),
	O("content:\"abc\"; distance:2000000;", 25, "2000000 isn't between -1048576 and 1048576"),
	O("content:\"abc\"; distance:-2000000;", 25, "-2000000 isn't between -1048576 and 1048576"),
	O("content:\"abc\"; within:2000000;", 23, "2000000 isn't between -1048576 and 1048576"),
	O("content:\"abc\"; within:-5;", 23, "within -5 is less than the content's 3 bytes"),
	O("content:\"abc\"; distance:abc;", 25, "unknown byte variable \"abc\""),
	O("content:!\"abc\"; fast_pattern; depth:10;", 31, "a negated content with fast_pattern can't have depth"),
	O("content:!\"abc\"; depth:10; fast_pattern;", 27, "a negated content with a position can't be the fast pattern"),
	O("content:\"abc\"; fast_pattern; fast_pattern;", 30, "fast_pattern can be used on only one content of a rule"),
	O("content:\"abc\"; fast_pattern; content:\"def\"; fast_pattern;", 45, "fast_pattern can be used on only one content of a rule"),
	O("content:\"abc\"; fast_pattern:only; depth:10;", 35, "a content with fast_pattern:only can't have depth"),
	O("content:\"abc\"; depth:10; fast_pattern:only;", 39, "fast_pattern:only is for contents without position and negation"),
	O("content:!\"abc\"; fast_pattern:only;", 30, "fast_pattern:only is for contents without position and negation"),
	O("content:\"abc\"; fast_pattern:0,4;", 29, "offset and length reach beyond the content's 3 bytes"),
	O("content:\"abc\"; fast_pattern:4,1;", 29, "offset and length reach beyond the content's 3 bytes"),
	O("content:\"abc\"; fast_pattern:foo;", 29, "fast_pattern can't be \"foo\""),
	O("content:\"abc\"; fast_pattern:only; content:\"def\"; distance:0;", 50, "distance can't be relative to a content with fast_pattern:only"),
	O("content:\"abc\"; fast_pattern:only; content:\"def\"; within:10;", 50, "within can't be relative to a content with fast_pattern:only"),
	O("content:\"abc\"; rawbytes; rawbytes;", 26, "this content has rawbytes already"),
	O("content:\"\";", 10, "content is empty"),
	O("content:\"|41\";", 10, "the bar that opens hex bytes is never closed"),
	O("content:\"|4|\";", 12, "half a byte is missing before the closing bar"),
	O("content:\"|4g|\";", 12, "\"g\" isn't a hex digit; a plain bar is |7c|"),
	O("content:\"a|b\";", 11, "the bar that opens hex bytes is never closed"),
	O("content:\"a\\bc\";", 11, "a backslash protects only ; : \" and \\ in a content"),
	O("content:\"a\"c\";", 11, "a quote inside a content has to be protected"),
	O("content:abc;", 9, "the argument of content must stand in double quotes"),
	O("content:\"abc;", 9, "the quotes of content aren't closed where the option ends"),
	O("content:\"abc\"", 9, "the quotes of content aren't closed where the option ends"),
	O("isdataat:10,foo;", 13, "unknown option \"foo\" of isdataat"),
	O("isdataat:70000;", 10, "70000 isn't between 0 and 65535"),
	O("isdataat:-1;", 10, "-1 isn't between 0 and 65535"),
	O("content:\"abc\"; byte_test:9,>,10,0;", 26, "between 1 and 8 bytes can be read as a number, not 9"),
	O("content:\"abc\"; byte_test:1,==,10,0;", 28, "\"==\" isn't an operator"),
	O("content:\"abc\"; byte_test:1,<>,10,0;", 28, "\"<>\" isn't an operator"),
	O("content:\"abc\"; byte_test:1,>,abc,0;", 30, "unknown byte variable \"abc\""),
	O("content:\"abc\"; byte_test:1,>,10,abc;", 33, "unknown byte variable \"abc\""),
	O("content:\"abc\"; byte_test:1,>,10;", 16, "byte_test: the offset is missing"),
	O("content:\"abc\"; byte_test:1,>,10,0,foo;", 35, "unknown option \"foo\" of byte_test"),
	O("content:\"abc\"; byte_test:4,>,10,0,dec;", 26, "hex, dec and oct belong to string"),
	O("content:\"abc\"; byte_test:24,>,10,0,string,oct;", 26, "24 isn't between 0 and 23"),
	O("content:\"abc\"; byte_test:4,>,10,0,bitmask;", 35, "bitmask needs a number of at most 32 bits"),
	O("content:\"abc\"; byte_test:4,>,99999999999999999999,0;", 30, "a number or a byte variable expected, not \"99999999999999999999\""),
	O("content:\"abc\"; byte_jump:9,0;", 26, "between 1 and 8 bytes can be read as a number, not 9"),
	O("content:\"abc\"; byte_jump:4,0,relative,multiplier 0;", 39, "multiplier needs a number between 1 and 65535"),
	O("content:\"abc\"; byte_jump:4,0,relative,multiplier 70000;", 39, "multiplier needs a number between 1 and 65535"),
	O("content:\"abc\"; byte_jump:4,0,relative,multiplier -1;", 39, "multiplier needs a number between 1 and 65535"),
	O("content:\"abc\"; byte_jump:4,0,relative,post_offset 70000;", 39, "post_offset needs a number between -65535 and 65535"),
	O("content:\"abc\"; byte_jump:4,0,from_beginning,from_end;", 26, "a jump begins at the beginning or at the end, not both"),
	O("content:\"abc\"; byte_jump:4,0,foo;", 30, "unknown option \"foo\" of byte_jump"),
	O("content:\"abc\"; byte_jump:4,0,hex;", 26, "hex, dec and oct belong to string"),
	O("content:\"abc\"; byte_extract:9,0,var;", 29, "between 1 and 8 bytes can be read as a number, not 9"),
	O("content:\"abc\"; byte_extract:4,0,var,relative,align 3;", 46, "align needs 2 or 4"),
	O("content:\"abc\"; content:\"def\"; within:var;", 38, "unknown byte variable \"var\""),
	O("content:\"abc\"; byte_extract:4,0,var,hex;", 29, "hex, dec and oct belong to string"),
	O("content:\"abc\"; byte_extract:4;", 16, "byte_extract: the offset is missing"),
	O("content:\"abc\"; byte_math:bytes 4, offset 0, oper +, rvalue 10;", 26, "byte_math needs bytes, offset, oper, rvalue and result"),
	O("content:\"abc\"; byte_math:bytes 11, offset 0, oper +, rvalue 10, result var;", 32, "11 isn't between 1 and 10"),
	O("content:\"abc\"; byte_math:bytes 0, offset 0, oper +, rvalue 10, result var;", 32, "0 isn't between 1 and 10"),
	O("content:\"abc\"; byte_math:bytes 4, offset 0, oper %, rvalue 10, result var;", 50, "\"%\" isn't an operator"),
	O("content:\"abc\"; byte_math:bytes 4, offset 0, oper +, rvalue 10, result var, endian foo;", 83, "endian is big or little"),
	O("content:\"abc\"; byte_math:bytes 4, offset 0, oper +, rvalue 10, result var, string;", 26, "string has no base"),
	O("content:\"abc\"; byte_math:bytes 4, bytes 4, offset 0, oper +, rvalue 10, result var;", 35, "bytes stands here twice"),
	O("dsize:10; dsize:20;", 11, "dsize stands here twice"),
	O("dsize:20<>10;", 7, "20<>10: no number lies between the two (the ends don't count)"),
	O("dsize:10<>11;", 7, "10<>11: no number lies between the two (the ends don't count)"),
	O("dsize:70000;", 7, "70000: not a number that fits here"),
	O("dsize:abc;", 7, "abc: not a number that fits here"),
	O("dsize:>65535;", 7, ">65535: no number passes this test"),
	O("dsize:<0;", 7, "<0: no number passes this test"),
	O("dsize:5; content:\"abcdef\";", 10, "the rule can't match: its contents need 6 bytes, dsize allows 5"),
	O("dsize:10; content:\"abcdef\"; offset:5;", 11, "the rule can't match: its contents need 11 bytes, dsize allows 10"),
	O("bsize:10;", 1, "bsize has no sticky buffer before it"),
	O("content:\"abc\"; bsize:10;", 16, "bsize has no sticky buffer before it"),
	O("flow:to_server,to_client;", 16, "to_client contradicts what stands before it"),
	O("flow:to_server,from_client;", 16, "flow says from_client twice"),
	O("flow:established,not_established;", 18, "not_established contradicts what stands before it"),
	O("flow:established,stateless;", 18, "stateless contradicts what stands before it"),
	O("flow:established,established;", 18, "flow says established twice"),
	O("flow:to_server,to_server;", 16, "flow says to_server twice"),
	O("flow:only_stream,no_stream;", 18, "no_stream contradicts what stands before it"),
	O("flow:foo;", 6, "flow can't be \"foo\""),
	O("flow:to_server,established,only_stream; dsize:10;", -29, "what looks at packets can't be mixed with tcp-stream or flow:only_stream"),
	O("flow:only_stream; flags:S;", -29, "what looks at packets can't be mixed with tcp-stream or flow:only_stream"),
	O("flow:no_frag,only_frag;", 14, "only_frag contradicts what stands before it"),
	O("flowbits:set,a b;", 14, "the name \"a b\" has a blank in it"),
	O("flowbits:set;", 1, "flowbits: a name is missing"),
	O("flowbits:foo,a;", 10, "flowbits doesn't know \"foo\""),
	O("flowbits:noalert,a;", 18, "flowbits:noalert has no name"),
	O("flowint:a,+,1;", 9, "a flowint's name has two letters or more"),
	O("flowint:a,+;", 9, "a flowint's name has two letters or more"),
	O("flowint:a,foo,1;", 9, "a flowint's name has two letters or more"),
	O("xbits:set,a,track ip_src,expire 0;", 26, "expire needs a number above 0"),
	O("xbits:set,a,track ip_src,expire -1;", 26, "expire needs a number above 0"),
	O("xbits:set,a;", 7, "xbits has to say whose bit it is"),
	O("xbits:set,a,track foo;", 13, "xbits has to say whose bit it is, not \"track foo\""),
	O("xbits:foo,a,track ip_src;", 7, "xbits doesn't know \"foo\""),
	O("xbits:noalert;", 7, "xbits has no noalert"),
	O("hostbits:set,a,both;", 16, "hostbits doesn't know the host \"both\""),
	O("hostbits:set,a,foo;", 16, "hostbits doesn't know the host \"foo\""),
	O("threshold:type limit,track by_src,count 1;", 1, "\"seconds\" is missing"),
	O("threshold:type limit,track by_foo,count 1,seconds 60;", 28, "\"by_foo\" is no track"),
	O("threshold:type foo,track by_src,count 1,seconds 60;", 16, "\"foo\" is no type"),
	O("threshold:track by_src,count 1,seconds 60;", 1, "\"type\" is missing"),
	O("threshold:type limit,track by_src,track by_dst,count 1,seconds 60;", 35, "\"track\" stands here twice"),
	O("threshold:type limit,track by_src,count 1,count 2,seconds 60;", 43, "\"count\" stands here twice"),
	O("threshold:type limit,track by_src,count -1,seconds 60;", 41, "count takes a number, not \"-1\""),
	O("detection_filter:track by_src,count 0,seconds 60;", 1, "count and seconds must be above 0"),
	O("detection_filter:track by_src,count 1;", 1, "\"seconds\" is missing"),
	O("detection_filter:track by_src,count 1,seconds 60; detection_filter:track by_src,count 1,seconds 60;", 51, "a rule can't have more than one detection_filter"),
	O("detection_filter:type limit,track by_src,count 1,seconds 60;", 18, "detection_filter has no type"),
	O("tag:session,5;", 5, "tag: packets, seconds or bytes is missing"),
	O("tag:session,5,foo;", 15, "tag doesn't count \"foo\""),
	O("tag:foo;", 5, "tag doesn't know \"foo\""),
	O("target:foo;", 8, "target can't be \"foo\""),
	O("priority:abc;", 10, "priority can't be \"abc\""),
	O("priority:-1;", 10, "priority can't be \"-1\""),
	O("classtype:\"bad-unknown\";", 11, "classtype takes no quotes"),
	O("reference:url;", 11, "a reference has a system and an identifier"),
	O("reference:url,;", 11, "a reference has a system and an identifier"),
	O("rev:1; rev:2;", 8, "rev stands here twice"),
	O("rev:0;", 5, "rev can't be \"0\""),
	O("rev:-1;", 5, "rev can't be \"-1\""),
	O("rev:\"1\";", 5, "rev takes no quotes"),
	O("gid:\"1\";", 5, "gid takes no quotes"),
	O("gid:99999999999;", 5, "gid can't be \"99999999999\""),
	O("msg:\"a\"; msg:\"b\";", 10, "msg stands here twice"),
	O("msg:abc;", 5, "the argument of msg must stand in double quotes"),
	O("msg:\"a;b\";", 5, "the quotes of msg aren't closed where the option ends"),
	O("msg:\"\";", 6, "msg is empty"),
	O("noalert:foo;", 9, "noalert takes no argument"),
	O("foo;", 1, "unknown keyword \"foo\""),
	O("foo:bar;", 1, "unknown keyword \"foo\""),
	O("pcre:\"/abc/k\";", 12, "unknown flag \"k\" behind the expression"),
	O("pcre:\"/abc\";", 7, "the slash that ends the expression is missing"),
	O("pcre:\"abc\";", 7, "the expression doesn't begin with a slash"),
	O("pcre:\"/ab(c/\";", 12, "the expression is wrong here: missing closing parenthesis"),
	O("pcre:\"/abc/R\";", 12, "R is relative to a match before it in the same buffer: there is none"),
	O("pcre:\"/abc/UP\";", 13, "the flags name two buffers"),
	O("pcre:\"/abc/UH\";", 13, "the flags name two buffers"),
	O("pcre:\"/abc/BU\";", 12, "B (raw bytes) can't be used with a flag that names a buffer"),
	O("pcre:\"/abc/BR\";", 12, "R is relative to a match before it in the same buffer: there is none"),
	O("pcre:\"/ABC/W\";", 8, "http.host is lower case: an expression with capitals never matches"),
	O("pcre:\"/a;b/\";", 6, "the quotes of pcre aren't closed where the option ends"),
	O("http_uri;", 1, "http_uri has no content of payload before it"),
	O("content:\"abc\"; http_uri; http_uri;", 26, "http_uri has no content of payload before it"),
	O("content:\"abc\"; rawbytes; http_uri;", 26, "http_uri can't be used with rawbytes"),
	O("content:\"abc\"; http_uri:foo;", 25, "http_uri takes no argument"),
	O("content:\"abc\"; http_uri; dns_query; content:\"x\";", 26, "dns_query is about dns, but the rule is about http already"),
	O("http.uri; content:\"abc\"; http_uri;", 26, "http_uri changes a content of payload, but the sticky buffer http.uri is in force"),
	O("http.uri;", 1, "http.uri is named, but nothing is matched on it"),
	O("http.uri; http.method; content:\"GET\";", 1, "http.uri is named, but nothing is matched on it"),
	O("http.uri; nocase;", 11, "nocase has no content before it"),
	O("http.uri; content:\"abc\"; http.method;", 26, "http.method is named, but nothing is matched on it"),
	O("http.uri; content:\"abc\"; http.stat_code; content:\"200\";", 1, "the rule looks at the request and at the response: both never come in one direction"),
	O("http.uri; content:\"abc\"; flow:to_client;", 1, "this is sent to the server, but flow says to_client"),
	O("http.stat_code; content:\"200\"; flow:to_server;", 1, "this is sent to the client, but flow says to_server"),
	O("http.uri; pcre:\"/abc/P\";", 22, "the flag names the buffer http.request_body, but the sticky buffer http.uri is in force"),
	O("http.uri; content:\"abc\"; bsize:2;", 1, "the rule can't match: its contents need 3 bytes, bsize allows 2"),
	O("http.uri; bsize:abc;", 17, "abc: not a number that fits here"),
	O("http.host; content:\"ABC\";", 1, "http.host is lower case: a content with capitals never matches"),
	O("http.host; content:\"abc\"; nocase;", 1, "http.host is lower case already: nocase is redundant"),
	O("http.method; content:\"GET \";", 1, "http.method never begins or ends with a blank: the content can't match"),
	O("http.method; content:\" GET\";", 1, "http.method never begins or ends with a blank: the content can't match"),
	O("urilen:20<>10;", 8, "20<>10: no number lies between the two (the ends don't count)"),
	O("urilen:10,foo;", 11, "unknown option \"foo\" of urilen"),
	O("urilen:2; content:\"abc\"; http_uri;", 1, "the rule can't match: its contents need 3 bytes, bsize allows 2"),
	O("dotprefix; content:\"abc\";", 1, "the transform dotprefix doesn't follow a sticky buffer"),
	O("http.uri; strip_whitespace; content:\"a b\";", 1, "after strip_whitespace this content can't occur"),
	O("http.uri; compress_whitespace; content:\"a  b\";", 1, "after compress_whitespace this content can't occur"),
	O("http.uri; to_lowercase; content:\"ABC\";", 1, "after to_lowercase this content can't occur"),
	O("http.uri; to_uppercase; content:\"abc\";", 1, "after to_uppercase this content can't occur"),
	O("http.uri; pcrexform:\"abc\"; content:\"abc\";", 22, "pcrexform needs exactly one group, this has 0"),
	O("http.uri; pcrexform:\"(a)(b)\"; content:\"abc\";", 22, "pcrexform needs exactly one group, this has 2"),
	O("http.uri; xor:\"0\"; content:\"abc\";", 16, "the key has two hex digits a byte, at most 255 bytes"),
	O("http.uri; xor:\"zz\"; content:\"abc\";", 16, "\"zz\" isn't a byte in hex"),
	O("http.uri; xor:0d; content:\"abc\";", 15, "the argument of xor must stand in double quotes"),
	O("http.uri; dotprefix:foo; content:\"abc\";", 21, "dotprefix takes no argument"),
	O("base64_data; content:\"abc\";", 1, "base64_data has no base64_decode before it"),
	O("base64_decode:foo;", 15, "unknown option \"foo\" of base64_decode"),
	O("base64_decode; base64_data; content:\"abc\"; http.uri; content:\"def\";", 44, "no other buffer can be named after base64_data"),
	O("base64_decode; base64_data; content:\"abc\"; fast_pattern;", 44, "fast_pattern can't be used with base64_data"),
	O("file.data; content:\"abc\"; http_uri;", 27, "http_uri changes a content of payload, but the sticky buffer file.data is in force"),
	O("uricontent:abc;", 12, "the argument of uricontent must stand in double quotes"),
	O("ttl:300;", 5, "300: not a number that fits here"),
	O("ttl:>255;", 5, ">255: no number passes this test"),
	O("ttl:<0;", 5, "<0: no number passes this test"),
	O("ttl:abc;", 5, "abc: not a number that fits here"),
	O("tos:300;", 5, "300: not a number that fits here"),
	O("id:70000;", 4, "70000: not a number that fits here"),
	O("id:\"10\";", 4, "id takes no quotes"),
	O("seq:99999999999;", 5, "99999999999: not a number that fits here"),
	O("window:70000;", 8, "70000: not a number that fits here"),
	O("itype:300;", 7, "300: not a number that fits here"),
	O("icmp_id:\"10\";", 9, "icmp_id takes no quotes"),
	O("fragbits:X;", 10, "\"X\" isn't a fragmentation bit"),
	O("fragoffset:!10;", 12, "fragoffset takes a number, with < or > in front"),
	O("flags:X;", 7, "\"X\" isn't a TCP flag"),
	O("flags:SX;", 8, "\"X\" isn't a TCP flag"),
	O("sameip:1;", 8, "sameip takes no argument"),
	O("ip_proto:6;", 1, "ip_proto is for rules about any IP protocol"),
	O("ip_proto:tcp;", 1, "ip_proto is for rules about any IP protocol"),
	O("ip_proto:!6;", 1, "ip_proto is for rules about any IP protocol"),
	O("ip_proto:300;", 10, "\"300\" isn't an IP protocol"),
	O("ip_proto:foo;", 10, "\"foo\" isn't an IP protocol"),
	O("ipopts:foo;", 8, "unknown IP option \"foo\""),
	O("ipv4-csum:foo;", 11, "a checksum isn't \"foo\""),
	O("tcpv4-csum:\"invalid\";", 12, "tcpv4-csum takes no quotes"),
	O("ipv4.hdr;", 1, "ipv4.hdr is named, but nothing is matched on it"),
	O("stream_size:foo,>,10;", 13, "stream_size doesn't know \"foo\""),
	O("stream_size:server,foo,10;", 13, "stream_size needs a side, an operator and a number"),
	O("stream_size:server,>;", 13, "stream_size needs a side, an operator and a number"),
	O("stream-event:foo;", 14, "unknown event \"foo\""),
	O("decode-event:foo;", 14, "unknown event \"foo\""),
	O("app-layer-event:foo.bar;", 17, "unknown protocol \"foo\""),
	O("app-layer-protocol:foo;", 20, "unknown protocol \"foo\""),
	O("app-layer-protocol:http; app-layer-protocol:dns;", 26, "a flow has one protocol: several app-layer-protocol must all be negated"),
	O("app-layer-protocol:http; app-layer-protocol:http;", 26, "a flow has one protocol: several app-layer-protocol must all be negated"),
	O("http.uri; content:\"abc\"; app-layer-protocol:http;", 26, "the rule is about http already"),
	O("http.uri; content:\"abc\"; app-layer-protocol:dns;", 26, "the rule is about http already"),
	O("asn1:foo;", 6, "asn1 doesn't know \"foo\""),
	O("ftpbounce:1;", 11, "ftpbounce takes no argument"),
	O("filesize:foo;", 10, "foo: not a number that fits here"),
	O("prefilter;", 1, "prefilter has nothing before it"),
	O("sid:5;", 8, "sid stands here twice"),
	O("config:foo;", 8, "config doesn't know \"foo \""),
	O("rpc:foo,2,3;", 5, "\"foo\" isn't a number"),
	O("dns.query; content:\"abc\"; http.uri; content:\"def\";", 27, "http.uri is about http, but the rule is about dns already"),
	O("http.request_body; content:\"abc\"; http_client_body;", 35, "http_client_body changes a content of payload, but the sticky buffer http.request_body is in force"),
	O("http.uri; content:\"abc\"; content:\"def\"; http_header;", 41, "http_header changes a content of payload, but the sticky buffer http.uri is in force"),
	O("requires: version foo;", 19, "this isn't a comparison of versions"),
	O("dataset:set,a,type string;", 1, "dataset has no sticky buffer before it"),
	O("http.uri; dataset:foo,a3,type string;", 19, "dataset doesn't know \"foo\""),
	O("http.uri; dataset:set,a4;", 23, "the set a4 is new here and has no type"),
	O("http.uri; dataset:set,a5,type foo;", 31, "a set's type can't be \"foo\""),
	O("http.uri; dataset:isset,a6,type string,load /nonexistent;", 45, "/nonexistent: it can't be read: No such file or directory"),
	O("http.uri; dataset:set,a7,type string,state /tmp/x;", 44, "rules aren't allowed to write absolute paths"),
	O("http.uri; dataset:set,a8,type string,save ../x;", 43, "\"..\" isn't allowed in a path that is written"),
	R("alrt tcp any any -> any any (sid:1;)", 1, "unknown action \"alrt\""),
	R("alert tcpp any any -> any any (sid:1;)", 7, "unknown protocol \"tcpp\""),
	R("alert any any any -> any any (sid:1;)", 7, "unknown protocol \"any\""),
	R("alert tcp-stream any any -> any any (dsize:5; sid:1;)", 1, "what looks at packets can't be mixed with tcp-stream or flow:only_stream"),
	R("alert dns any any -> any any (http.uri; content:\"a\"; sid:1;)", 31, "http.uri is about http, but the rule is about dns already"),
	R("alert smtp any any -> any any (http.uri; content:\"a\"; sid:1;)", 32, "http.uri is about http, but the rule is about smtp already"),
	R("alert http any any -> any any (dns.query; content:\"a\"; sid:1;)", 32, "dns.query is about dns, but the rule is about http already"),
	R("alert tcp any any <- any any (sid:1;)", 19, "\"<-\" isn't a direction"),
	R("alert tcp any any => any any (sid:1;)", 19, "a rule with => has to match on both directions, but doesn't"),
	R("alert tcp any any >> any any (sid:1;)", 19, "\">>\" isn't a direction"),
	R("alert tcp any any -> any (sid:1;)", 25, "a destination port is missing in the header"),
	R("alert tcp any -> any any (sid:1;)", 25, "a destination port is missing in the header"),
	R("alert tcp any any -> any any sid:1;", 36, "\"(\" expected here"),
	R("alert tcp any any -> any any (sid:1;", 36, "the rule doesn't end with \")\""),
	R("alert tcp any any -> any any any (sid:1;)", 30, "\"any\" is too much in the header"),
	R("alert tcp !any any -> any any (sid:1;)", 11, "\"!any\" excludes every address"),
	R("alert tcp any !any -> any any (sid:1;)", 15, "no port is left of \"!any\""),
	R("alert tcp 1.2.3 any -> any any (sid:1;)", 11, "\"1.2.3\": this isn't an IP address"),
	R("alert tcp 1.2.3.4/33 any -> any any (sid:1;)", 11, "\"1.2.3.4/33\": the prefix length isn't between 0 and 32, nor a netmask"),
	R("alert tcp 1.2.3.9-1.2.3.4 any -> any any (sid:1;)", 11, "\"1.2.3.9-1.2.3.4\": the range ends before it begins"),
	R("alert tcp [1.2.3.4,5.6.7.8 any -> any any (sid:1;)", 11, "the brackets of a source address don't pair up"),
	R("alert tcp [1.2.3.4,!1.2.3.4] any -> any any (sid:1;)", 11, "no address is left of \"[1.2.3.4,!1.2.3.4]\""),
	R("alert tcp [1.2.3.4,!1.2.3.0/24] any -> any any (sid:1;)", 11, "no address is left of \"[1.2.3.4,!1.2.3.0/24]\""),
	R("alert tcp !0.0.0.0/0 any -> any any (sid:1;)", 11, "\"!0.0.0.0/0\" excludes every address"),
	R("alert tcp [] any -> any any (sid:1;)", 12, "an empty address in the list"),
	R("alert tcp fe80::/129 any -> any any (sid:1;)", 11, "\"fe80::/129\": the prefix length isn't between 0 and 128"),
	R("alert tcp $FOO any -> any any (sid:1;)", 11, "the variable $FOO isn't defined"),
	R("alert tcp HOME_NET any -> any any (sid:1;)", 11, "\"HOME_NET\": this isn't an IP address"),
	R("alert tcp any 70000 -> any any (sid:1;)", 15, "\"70000\" isn't a port or a range of ports"),
	R("alert tcp any 90:80 -> any any (sid:1;)", 15, "the range 90:80 ends before it begins"),
	R("alert tcp any : -> any any (sid:1;)", 15, "\":\" isn't a port or a range of ports"),
	R("alert tcp any [80,!80] -> any any (sid:1;)", 15, "no port is left of \"[80,!80]\""),
	R("alert tcp any [] -> any any (sid:1;)", 16, "an empty port in the list"),
	R("alert tcp any foo -> any any (sid:1;)", 15, "\"foo\" isn't a port or a range of ports"),
	R("alert tcp any HTTP_PORTS -> any any (sid:1;)", 15, "\"HTTP_PORTS\" isn't a port or a range of ports"),
	R("alert tcp any $FOO -> any any (sid:1;)", 15, "the variable $FOO isn't defined"),
	R("alert tcp any 80-90 -> any any (sid:1;)", 15, "\"80-90\" isn't a port or a range of ports"),
	R("log tcp any any -> any any (sid:1;)", 1, "unknown action \"log\""),
	R("activate tcp any any -> any any (sid:1;)", 1, "unknown action \"activate\""),
	R("alert tcp any any -> any any (msg:\"no sid\";)", 44, "the rule has no sid"),
	R("alert tcp any any -> any any (sid:0;)", 35, "sid can't be \"0\""),
	R("alert tcp any any -> any any (sid:-1;)", 35, "sid can't be \"-1\""),
	R("alert tcp any any -> any any (sid:abc;)", 35, "sid can't be \"abc\""),
	R("alert tcp any any -> any any (sid:\"7001\";)", 35, "sid takes no quotes"),
	R("alert tcp any any -> any any (sid:99999999999;)", 35, "sid can't be \"99999999999\""),
	R("alert tcp any any -> any any ()", 31, "the rule has no sid"),
	R("alert tcp any any -> any any (;)", 31, "a keyword is missing here"),
	R("alert tcp any any -> any any (sid:1;;)", 37, "a keyword is missing here"),
	R("alert tcp any any -> any any (sid:1; foo)", 38, "unknown keyword \"foo\""),
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static size_t row_write(const struct row *r, char *out, size_t cap)
{
	return (size_t)snprintf(out, cap, "%s%s%s", r->whole ? "" : HEAD, r->text, r->whole ? "" : TAIL);
}

static void parse(const char *text, struct rule_report *report)
{
	struct rule_load load = { 0 };
	struct rule_set set = { 0 };

	assert_int_equal(rules_parse_text(&set, &load, "test.rules", text, strlen(text), report), 0);
	rules_parse_free(&set);
}

static const struct diagnostic *error_of_line(const struct rule_report *report, uint32_t line)
{
	for (unsigned i = 0; i < report->count; i++)
		if (report->items[i].level == DIAG_ERROR && report->items[i].line == line)
			return &report->items[i];
	return NULL;
}

static void each_mistake_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		uint32_t column = rows[i].column + (rows[i].whole ? 0 : (uint32_t)strlen(HEAD));
		struct rule_report report = { 0 };
		const struct diagnostic *d;
		char text[1024];

		row_write(&rows[i], text, sizeof(text));
		parse(text, &report);
		d = error_of_line(&report, 1);
		if (d == NULL || d->column != column || strcmp(d->message, rows[i].message) != 0)
			fail_msg("%s\nwanted %u: %s\n   got %u: %s", text, column, rows[i].message,
				 d != NULL ? d->column : 0, d != NULL ? d->message : "nothing");
		assert_int_equal(report.rules_failed, 1);
		assert_int_equal(report.errors, 1);
		rule_report_free(&report);
	}
}

/* Good rules stand between the bad ones, and load. */
static void mistakes_stay_alone(void **state)
{
	struct rule_report report = { 0 };
	size_t cap = ROWS * 1024, len = 0;
	char *text = malloc(cap);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < ROWS; i++) {
		len += row_write(&rows[i], text + len, cap - len);
		len += (size_t)snprintf(text + len, cap - len, "\nalert tcp any any -> any any (content:\"x\"; sid:%zu;)\n",
					100000 + i);
	}
	parse(text, &report);
	assert_int_equal(report.rules_loaded, ROWS);
	assert_int_equal(report.rules_failed, ROWS);
	for (uint32_t i = 0; i < ROWS; i++)
		assert_non_null(error_of_line(&report, 2 * i + 1));
	rule_report_free(&report);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_told),
		cmocka_unit_test(mistakes_stay_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
