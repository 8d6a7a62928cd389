/* Keys against the RFCs' own; hellos sealed here and cut into frames in any order; Google's CHLO. */
#include <openssl/evp.h>

#include "analyzers/app.h"
#include "analyzers/quic/quic.h"
#include "analyzers/talk_check.h"
#include "base/must.h"

#define DCID "\x83\x94\xc8\xf0\x3e\x51\x57\x08"

static struct app *app_make(struct mem **mem, struct conf **conf, struct app_settings **settings)
{
	struct app *app;

	*mem = mem_new();
	*conf = conf_new();
	assert_int_equal(app_settings_new(settings, *conf), 0);
	assert_int_equal(app_new(&app, *mem, *settings), 0);
	return app;
}

/* RFC 9001, A.1; RFC 9369, A.1. */
static void keys(void **state)
{
	static const struct {
		uint32_t version;
		unsigned side;
		const char *key, *iv, *header;
	} rows[] = {
		{ QUIC_V1, 0, "\x1f\x36\x96\x13\xdd\x76\xd5\x46\x77\x30\xef\xcb\xe3\xb1\xa2\x2d",
		  "\xfa\x04\x4b\x2f\x42\xa3\xfd\x3b\x46\xfb\x25\x5c",
		  "\x9f\x50\x44\x9e\x04\xa0\xe8\x10\x28\x3a\x1e\x99\x33\xad\xed\xd2" },
		{ QUIC_V1, 1, "\xcf\x3a\x53\x31\x65\x3c\x36\x4c\x88\xf0\xf3\x79\xb6\x06\x7e\x37",
		  "\x0a\xc1\x49\x3c\xa1\x90\x58\x53\xb0\xbb\xa0\x3e",
		  "\xc2\x06\xb8\xd9\xb9\xf0\xf3\x76\x44\x43\x0b\x49\x0e\xea\xa3\x14" },
		{ QUIC_V2, 0, "\x8b\x1a\x0b\xc1\x21\x28\x42\x90\xa2\x9e\x09\x71\xb5\xcd\x04\x5d",
		  "\x91\xf7\x3e\x23\x51\xd8\xfa\x91\x66\x0e\x90\x9f",
		  "\x45\xb9\x5e\x15\x23\x5d\x6f\x45\xa6\xb1\x9c\xbc\xb0\x29\x4b\xa9" },
	};
	struct mem *mem;
	struct conf *conf;
	struct app_settings *settings;
	struct app *app = app_make(&mem, &conf, &settings);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct quic_keys k;
		const struct quic_secret *s = &k.side[rows[i].side];

		assert_true(quic_keys_initial(app, rows[i].version, slice_of(DCID, 8), &k));
		assert_memory_equal(s->key, rows[i].key, sizeof(s->key));
		assert_memory_equal(s->iv, rows[i].iv, sizeof(s->iv));
		assert_memory_equal(s->header, rows[i].header, sizeof(s->header));
	}
	app_free(app);
	app_settings_free(settings);
	conf_free(conf);
	mem_free(mem);
}

/* A ClientHello that asks for a.example. */
#define HELLO                                                                                                  \
	"\x01\0\0\x42\x03\x03" "0123456789abcdef0123456789abcdef" "\0\0\2\x13\1\1\0\0\x17\0\0\0\x0e\0\x0c\0\0\x09" \
	"a.example\xff\1\0\1\0"
#define HELLO_LEN (sizeof(HELLO) - 1)

/* An Initial packet around frames, sealed. */
static size_t packet_seal(uint8_t out[256], uint8_t number, const uint8_t *frames, size_t len)
{
	struct mem *mem;
	struct conf *conf;
	struct app_settings *settings;
	struct app *app = app_make(&mem, &conf, &settings);
	struct quic_keys k;
	const struct quic_secret *s = &k.side[0];
	const size_t payload = 1 + len + CIPHER_TAG_LEN;
	uint8_t nonce[CIPHER_NONCE_LEN], mask[CIPHER_BLOCK_LEN];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const size_t head = 19;
	int n;

	memcpy(out, "\xc0\0\0\0\1\x08" DCID "\0\0", 16);
	out[16] = (uint8_t)(0x40 | payload >> 8);
	out[17] = (uint8_t)payload;
	out[18] = number;
	assert_true(quic_keys_initial(app, QUIC_V1, slice_of(DCID, 8), &k));
	memcpy(nonce, s->iv, sizeof(nonce));
	nonce[CIPHER_NONCE_LEN - 1] ^= number;
	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, s->key, nonce), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &n, out, (int)head), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, out + head, &n, frames, (int)len), 1);
	assert_int_equal(EVP_EncryptFinal_ex(ctx, out + head + len, &n), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, CIPHER_TAG_LEN, out + head + len), 1);
	EVP_CIPHER_CTX_free(ctx);
	assert_true(cipher_block(app_cipher(app), s->header, out + 18 + 4, mask));
	out[0] ^= mask[0] & 0x0f;
	out[18] ^= mask[1];
	app_free(app);
	app_settings_free(settings);
	conf_free(conf);
	mem_free(mem);
	return head + len + CIPHER_TAG_LEN;
}

static size_t crypto_frame(uint8_t *out, size_t from, size_t to)
{
	out[0] = 6;
	out[1] = 0x40;
	out[2] = (uint8_t)from;
	out[3] = 0x40;
	out[4] = (uint8_t)(to - from);
	memcpy(out + 5, &HELLO[from], to - from);
	return 5 + to - from;
}

static void hello_in_two_packets(void **state)
{
	uint8_t frames[2][128], packets[2][256];
	struct talk_row row = { .name = "two packets", .udp = true, .port = 443 };
	size_t len = 0;
	char *got;

	(void)state;
	len = crypto_frame(frames[0], 40, HELLO_LEN);
	frames[0][len++] = 1;                   /* a ping */
	row.steps[0] = (struct talk_step){ TO_SERVER, (char *)packets[0], packet_seal(packets[0], 0, frames[0], len) };
	len = crypto_frame(frames[1], 20, 40);
	len += crypto_frame(frames[1] + len, 0, 30);
	row.steps[1] = (struct talk_step){ TO_SERVER, (char *)packets[1], packet_seal(packets[1], 1, frames[1], len) };
	got = talk(&row, SIZE_MAX);
	assert_non_null(strstr(got, "quic\n{\"quic\":{\"version\":\"1\"}}\n{\"quic\":{\"version\":\"1\",\"sni\":\"a.example\""));
	assert_non_null(strstr(got, "\"string\":\"771,4865,0-65281,,\""));
	free(got);
	packets[1][60] ^= 1;
	got = talk(&row, SIZE_MAX);
	assert_string_equal(got, "quic\n{\"quic\":{\"version\":\"1\"}}\n{\"quic\":{\"version\":\"1\"}} !failed_decrypt\n");
	free(got);
}

#define CHLO "CHLO\2\0\0\0SNI\0\3\0\0\0UAID\5\0\0\0a.bua"
static const struct talk_row rows[] = {
	{ "Google's hello", .udp = true, .port = 443,
	  .steps = { CLIENT("\xffQ044\x50" "dcid0123" "\0\0\0\1" "hash01234567" "\xa0\1\0\x1d" CHLO) },
	  .expected = "quic\n{\"quic\":{\"version\":\"Q044\",\"sni\":\"a.b\",\"ua\":\"ua\",\"cyu\":[{"
		"\"hash\":\"e69ba98fe401485256027a0d643574d9\",\"string\":\"44,SNI-UAID\"}]}}\n" },
	{ "a frame cut short", .udp = true, .port = 443,
	  .steps = { CLIENT("\xffQ044\x50" "dcid0123" "\0\0\0\1" "hash01234567" "\xa0\1\0\x20" CHLO) },
	  .expected = "quic\n{\"quic\":{\"version\":\"Q044\"}} !error_on_data\n" },
};

static void google(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *got = talk(&rows[i], SIZE_MAX);

		assert_string_equal(got, rows[i].expected);
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys), cmocka_unit_test(hello_in_two_packets), cmocka_unit_test(google),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
