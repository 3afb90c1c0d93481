/* No secret is left in memory that was given back: every free() and realloc() of this program is
 * watched. What libcurl keeps for itself is not here; what json-c and libcrypto do is. */
#include "google_bench.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/socket.h>
#include <unistd.h>

#include "secret/secret.h"
#include "web/loopback.h"

#define CANARY "CaNaRy7q"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

static const char *watched; /* NULL = nothing */
static size_t watched_len, leaks;

static void watch(const char *canary)
{
	leaks = 0;
	watched_len = canary ? strlen(canary) : 0;
	watched = canary;
}

/* A sanitizer has an allocator of its own; the same code runs there unwatched. */
#ifndef __SANITIZE_ADDRESS__
extern void __libc_free(void *p);
extern void *__libc_malloc(size_t n);

static void look_at(void *p)
{
	if (watched && p && memmem(p, malloc_usable_size(p), watched, watched_len))
		leaks++;
}

void free(void *p)
{
	look_at(p);
	__libc_free(p);
}

void *realloc(void *p, size_t n)
{
	void *moved = __libc_malloc(n);
	size_t old = p ? malloc_usable_size(p) : 0;

	if (!moved)
		return NULL;
	if (p)
		memcpy(moved, p, old < n ? old : n);
	free(p);
	return moved;
}
#endif

static void test_wipe__the_watch_sees(void **state)
{
	char *s = xstrdup("xx " CANARY " yy");

	(void)state;
	watch(CANARY);
	s = xrealloc(s, 5000);
	free(s);
#ifndef __SANITIZE_ADDRESS__
	assert_int_equal(leaks, 2);
#endif
	watch(NULL);
}

/* --- the login service ----------------------------------------------------------------------- */

struct stage {
	struct transport base;
	const char *token_answer;
	int status;
	int asked;
};

static int stage_exchange(struct transport *t, const struct http_request *req,
			  struct http_response *out, struct err *err)
{
	struct stage *s = (struct stage *)t;
	bool token = strstr(req->url, "/token") || strstr(req->url, "/revoke");

	(void)err;
	s->asked++;
	out->status = token ? s->status : 200;
	strbuf_adds(&out->body, token ? s->token_answer : "{\"id\": \"e1\"}");
	return 0;
}

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"
#define TOKENS                                                                               \
	"{\"access_token\": \"ya29." LONG CANARY "\", \"refresh_token\": \"1//0" LONG CANARY \
	"\", \"id_token\": \"e." CANARY ".x\", \"expires_in\": 3600, \"scope\": \"x\"}"
#define REFUSAL \
	"{\"error\": \"invalid_request\", \"error_description\": \"no 1//0" LONG CANARY "\"}"

static struct stage stage_with(const char *answer, int status)
{
	return (struct stage){
		.base.exchange = stage_exchange, .token_answer = answer, .status = status};
}

static void test_wipe__a_token_that_is_renewed_and_used(void **state)
{
	static const struct scripted_answer none[] = {DROPPED};
	static const struct {
		const char *answer;
		int status;
	} cases[] = {{TOKENS, 200},
		     {REFUSAL, 400},
		     {"{\"access_token\": \"" LONG CANARY, 200},
		     {"{\"access_token\": \"a " CANARY "\"}", 200}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(bench_release) struct bench b;
		struct stage s = stage_with(cases[i].answer, cases[i].status);
		struct err err;

		bench_init(&b, none, 1);
		put_secret(&b, "refresh_token", "1//0" LONG CANARY);
		put_secret(&b, "access_token", "ya29." LONG CANARY);
		put_secret(&b, "client_secret", "GOCSPX-" CANARY);
		b.o.patience = GOOGLE_ONCE;
		b.o.transport = &s.base;
		set_expiry(&b, NOW_MS);
		watch(CANARY);
		assert_int_equal(get(&b, &err), cases[i].status == 200 && !i ? 0 : -1);
		google_free(TAKE(b.g));
		assert_int_equal(leaks, 0);
		watch(NULL);
		assert_null(strstr(err.msg, CANARY));
		assert_int_equal(s.asked, i ? 1 : 2);
	}
}

static void test_wipe__a_login(void **state)
{
	struct oauth_client client = {.id = (char *)"id", .secret = (char *)"GOCSPX-" LONG CANARY};
	struct fake_clock clock = fake_clock_at(NOW_MS);
	struct stage s = stage_with(TOKENS, 200);
	struct oauth_login login = {0};
	struct oauth_token token = {0};
	char query[400];
	struct err err;

	(void)state;
	assert_int_equal(
		oauth_login_begin(BASE, &client, "http://127.0.0.1:1/", "x", NULL, &login, &err),
		0);
	snprintf(query, sizeof(query), "state=%s&code=4%%2F0" LONG CANARY, login.state);
	watch(CANARY);
	assert_int_equal(oauth_login_finish(&s.base, &clock.base, BASE, &client, &login, query,
					    &token, &err),
			 0);
	oauth_token_release(&token);
	s = stage_with("{}", 200);
	assert_int_equal(oauth_revoke(&s.base, BASE, "1//0" LONG CANARY, &err), 0);
	s = stage_with(REFUSAL, 400);
	assert_int_equal(oauth_revoke(&s.base, BASE, "1//0" LONG CANARY, &err), -1);
	oauth_login_release(&login);
	assert_int_equal(leaks, 0);
	watch(NULL);
}

static void test_wipe__the_verifier_and_the_state(void **state)
{
	struct oauth_client client = {.id = (char *)"id"};
	struct oauth_login login = {0};
	char verifier[100];
	struct err err;

	(void)state;
	assert_int_equal(
		oauth_login_begin(BASE, &client, "http://127.0.0.1:1/", "x", NULL, &login, &err),
		0);
	snprintf(verifier, sizeof(verifier), "%s", login.verifier);
	watch(verifier);
	oauth_login_release(&login);
	assert_int_equal(leaks, 0);
	watch(NULL);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_wipe__a_client_file(void **state)
{
	static const char *const files[] = {
		"{\"installed\": {\"client_id\": \"x\", \"client_secret\": \"" LONG CANARY "\"}}",
		"{\"installed\": {\"client_id\": \"x\", \"client_secret\": \"a " CANARY "\"}}",
		"{\"installed\": {\"client_id\": \"\", \"client_secret\": \"" CANARY "\"}}",
		"{\"other\": {\"client_secret\": \"" CANARY "\"}}",
		"{\"installed\": {\"client_secret\": \"" LONG CANARY,
	};
	AUTO(free) char *path = xasprintf("%s/client.json", dir);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct oauth_client client = {0};
		struct err err = {0};

		write_file(path, files[i]);
		watch(CANARY);
		assert_int_equal(oauth_client_load(path, &client, &err), i ? -1 : 0);
		oauth_client_release(&client);
		assert_int_equal(leaks, 0);
		watch(NULL);
		assert_null(strstr(err.msg, CANARY));
	}
}

/* A piece of the key as the file spells it, and of what it says. */
static void test_wipe__a_service_account_s_key(void **state)
{
	AUTO(json_object_put) struct json_object *obj = json_object_new_object();
	struct fake_clock clock = fake_clock_at(NOW_MS);
	struct stage s = stage_with(TOKENS, 200);
	EVP_PKEY *pkey = EVP_RSA_gen(2048);
	BIO *bio = BIO_new(BIO_s_mem());
	AUTO(secret_wipe_str) char *key = NULL;
	char *pem = NULL, piece[41] = "";
	long n;

	(void)state;
	assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(bio, &pem);
	memcpy(piece, pem + 5 * 65 + 12, 40);
	json_set_str(obj, "type", "service_account");
	json_set_str(obj, "client_email", "robot@p.iam.gserviceaccount.com");
	json_set(obj, "private_key", json_object_new_string_len(pem, (int)n));
	key = xstrdup(json_text(obj));
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	for (int i = 0; i < 2; i++) {
		struct oauth_token token = {0};
		struct err err;

		watch(i ? CANARY : piece);
		assert_int_equal(oauth_service_account(&s.base, &clock.base, BASE, key, strlen(key),
						       "user1@example.com", "x", &token, &err),
				 0);
		oauth_token_release(&token);
		assert_int_equal(leaks, 0);
		watch(NULL);
	}
}

/* --- the browser's way back ------------------------------------------------------------------ */

static int client_of(const struct loopback *l)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)loopback_port(l))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* One whose request is taken, one that is turned away, and a line that was pasted. */
static void test_wipe__the_code_that_comes_back(void **state)
{
	(void)state;
	for (int pasted = 0; pasted < 2; pasted++) {
		struct loopback *l = NULL;
		char *query = NULL;
		char text[5000], filler[3000]; /* a head comes in parts */
		int fds[2], one, two;
		struct err err;

		memset(filler, 'x', sizeof(filler) - 1);
		filler[sizeof(filler) - 1] = '\0';
		assert_int_equal(loopback_open(clock_system(), NULL, &l, &err), 0);
		assert_int_equal(pipe(fds), 0);
		one = client_of(l);
		two = client_of(l);
		snprintf(text, sizeof(text),
			 "GET /callback?state=other&code=" CANARY
			 " HTTP/1.1\r\nX: %s\r\nHost: 127.0.0.1:%u\r\n\r\n",
			 filler, loopback_port(l));
		assert_true(write(one, text, strlen(text)) > 0);
		snprintf(text, sizeof(text),
			 "GET /callback?code=" CANARY
			 "&state=good HTTP/1.1\r\nX: %s\r\nHost: 127.0.0.1:%u\r\n\r\n",
			 filler, loopback_port(l));
		if (!pasted)
			assert_true(write(two, text, strlen(text)) > 0);
		snprintf(text, sizeof(text),
			 "what " LONG LONG "?code=" CANARY "&state=other\n"
			 "http://127.0.0.1:1/callback?code=" CANARY "&state=good\n");
		if (pasted)
			assert_true(write(fds[1], text, strlen(text)) > 0);
		watch(CANARY);
		assert_int_equal(loopback_wait(l, "good", fds[0], 5000, &query, &err), 0);
		loopback_free(l);
		secret_wipe_str(&query);
		assert_int_equal(leaks, 0);
		watch(NULL);
		close(one);
		close(two);
		close(fds[0]);
		close(fds[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wipe__the_watch_sees),
		cmocka_unit_test(test_wipe__a_token_that_is_renewed_and_used),
		cmocka_unit_test(test_wipe__a_login),
		cmocka_unit_test(test_wipe__the_verifier_and_the_state),
		cmocka_unit_test(test_wipe__a_client_file),
		cmocka_unit_test(test_wipe__a_service_account_s_key),
		cmocka_unit_test(test_wipe__the_code_that_comes_back),
	};

	return cmocka_run_group_tests_name("wipe", tests, temp_dir_make, temp_dir_remove);
}
