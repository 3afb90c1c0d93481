/* One renewal of a token at a time, of all processes on a store. */
#include "google_bench.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lock.h"

#define PROCESSES   8
#define TOKEN_LOCKS (INT64_C(1) << 40)

/* --- a login service that rotates, seen by all processes ----------------------------------- */

struct service {
	int current;   /* rt-N and at-N are good */
	int renewals;  /* requests to /token */
	int refused;   /* of these, with a refresh token that was replaced */
	int under_way; /* now */
	int most;      /* at the same time */
	int hang;      /* the next renewal never ends: the pid that hangs in it, 1 = wanted */
};

struct line { /* one process's way there */
	struct transport base;
	struct service *service;
};

static int answer(struct http_response *out, int status, const char *body)
{
	out->status = status;
	strbuf_adds(&out->body, body);
	return 0;
}

static int renewal(struct service *s, const struct http_request *req, struct http_response *out)
{
	AUTO(free) char *form = xstrndup(req->body, req->body_len);
	const char *sent = strstr(form, "refresh_token=rt-");
	int now = __atomic_add_fetch(&s->under_way, 1, __ATOMIC_SEQ_CST);
	char body[200];

	if (now > s->most)
		s->most = now;
	__atomic_add_fetch(&s->renewals, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&s->hang, __ATOMIC_SEQ_CST) == 1) {
		__atomic_store_n(&s->hang, (int)getpid(), __ATOMIC_SEQ_CST);
		pause();
	}
	usleep(100000);
	__atomic_sub_fetch(&s->under_way, 1, __ATOMIC_SEQ_CST);
	assert_non_null(sent);
	if (strtol(sent + 17, NULL, 10) != s->current) {
		s->refused++;
		return answer(out, 400, "{\"error\": \"invalid_grant\"}");
	}
	s->current++;
	snprintf(
		body, sizeof(body),
		"{\"access_token\": \"at-%d\", \"refresh_token\": \"rt-%d\", \"expires_in\": 3600}",
		s->current, s->current);
	return answer(out, 200, body);
}

static int line_exchange(struct transport *t, const struct http_request *req,
			 struct http_response *out, struct err *err)
{
	struct service *s = ((struct line *)t)->service;
	char good[40];

	(void)err;
	if (!strcmp(req->url, BASE "/token"))
		return renewal(s, req, out);
	snprintf(good, sizeof(good), "Bearer at-%d", s->current);
	if (strcmp(http_headers_get(&req->headers, "Authorization"), good) != 0)
		return answer(out, 401, "{\"error\": {\"code\": 401}}");
	return answer(out, 200, "{\"id\": \"e1\"}");
}

static struct service *service_new(void)
{
	struct service *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(s != MAP_FAILED);
	*s = (struct service){.current = 1};
	return s;
}

/* A process of its own on the bench's store: asks for an event once. Exits 0 when it got it. */
static pid_t ask_once(struct bench *b, struct service *s)
{
	AUTO(free) char *db = xstrdup(store_path(b->store));
	pid_t pid = fork();
	struct line line = {.base.exchange = line_exchange, .service = s};
	struct bench mine = {.o = b->o, .box = b->box};
	struct err err;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	if (store_open(db, 0, &mine.store, &err))
		_exit(2);
	mine.o.store = mine.store;
	mine.o.clock = clock_system();
	mine.o.transport = &line.base;
	reopen(&mine);
	_exit(get(&mine, &err) ? 1 : 0);
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void all_ask(struct bench *b, struct service *s)
{
	pid_t pids[PROCESSES];
	AUTO(account_release) struct account a = {0};

	for (size_t i = 0; i < PROCESSES; i++)
		pids[i] = ask_once(b, s);
	for (size_t i = 0; i < PROCESSES; i++)
		assert_int_equal(status_of(pids[i]), 0);
	assert_int_equal(s->renewals, 1);
	assert_int_equal(s->refused, 0);
	assert_int_equal(s->most, 1);
	expect_secret(b, "refresh_token", "rt-2");
	expect_secret(b, "access_token", "at-2");
	row(b, &a);
	assert_int_equal(a.state, ACCOUNT_CONNECTED);
}

static void begin(struct bench *b, int64_t expires_ms)
{
	static const struct scripted_answer none[] = {DROPPED};

	bench_init(b, none, 1);
	set_expiry(b, expires_ms);
}

static int64_t real_now(void)
{
	return clock_now_ms(clock_system());
}

static void test_flight__an_expired_token_is_renewed_once(void **state)
{
	AUTO(bench_release) struct bench b;

	(void)state;
	begin(&b, real_now() - HOUR);
	all_ask(&b, service_new());
}

/* Here it is good for an hour; Google has another opinion, and says so to each process. */
static void test_flight__a_refused_token_is_renewed_once(void **state)
{
	AUTO(bench_release) struct bench b;
	struct service *s = service_new();

	(void)state;
	begin(&b, real_now() + HOUR);
	put_secret(&b, "access_token", "at-0");
	all_ask(&b, s);
}

static void test_flight__one_that_dies_lets_the_others_go_on(void **state)
{
	AUTO(bench_release) struct bench b;
	struct service *s = service_new();
	pid_t first, second;

	(void)state;
	begin(&b, real_now() - HOUR);
	s->hang = 1;
	first = ask_once(&b, s);
	while (__atomic_load_n(&s->hang, __ATOMIC_SEQ_CST) != (int)first)
		usleep(1000);
	second = ask_once(&b, s);
	usleep(200000);
	assert_int_equal(s->renewals, 1);
	assert_int_equal(kill(first, SIGKILL), 0);
	assert_int_equal(status_of(first), -SIGKILL);
	assert_int_equal(status_of(second), 0);
	assert_int_equal(s->renewals, 2);
	expect_secret(&b, "refresh_token", "rt-2");
}

/* --- the wait ------------------------------------------------------------------------------ */

/* As another process does it. */
static int hold(struct bench *b)
{
	AUTO(free) char *path = lock_path(store_path(b->store));
	struct err err;
	int fd = -1;

	if (lock_take(path, TOKEN_LOCKS + b->account.id, 1, &b->clock.base, 0, &fd, &err))
		fail_msg("%s", err.msg);
	return fd;
}

static void test_flight__the_wait_ends(void **state)
{
	static const struct {
		enum google_patience patience;
		int64_t deadline_ms, least, most;
	} cases[] = {
		{GOOGLE_ONCE, 0, 30000, 40000},
		{GOOGLE_ONCE, 4000, 3900, 4100},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(bench_release) struct bench b;
		AUTO(account_release) struct account a = {0};
		AUTO(close_fd) int held = -1;
		struct err err;

		begin(&b, NOW_MS);
		b.o.patience = cases[i].patience;
		if (cases[i].deadline_ms)
			b.o.deadline_ms = b.clock.mono + cases[i].deadline_ms;
		reopen(&b);
		held = hold(&b);
		assert_int_equal(get(&b, &err), -1);
		assert_int_equal(err.code, ERR_NETWORK); /* it may pass: what waits stays queued */
		assert_non_null(strstr(err.msg, "another process"));
		assert_in_range(b.clock.slept, cases[i].least, cases[i].most);
		assert_int_equal(b.script.asked_count, 0);
		row(&b, &a);
		assert_int_equal(a.state, ACCOUNT_CONNECTED);
	}
}

static void test_flight__another_account_is_not_waited_for(void **state)
{
	static const struct scripted_answer answers[] = {TOKEN_OK("at-2"), OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(close_fd) int held = -1;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	set_expiry(&b, NOW_MS);
	b.account.id++;
	held = hold(&b);
	b.account.id--;
	get_good(&b);
	assert_int_equal(b.clock.sleeps, 0);
}

/* Whoever holds the lock could not store its token as long as our transaction is open. */
static void test_flight__nobody_waits_in_a_transaction(void **state)
{
	AUTO(bench_release) struct bench b;
	AUTO(close_fd) int held = -1;
	struct err err;

	(void)state;
	begin(&b, NOW_MS);
	b.o.patience = GOOGLE_ONCE;
	reopen(&b);
	held = hold(&b);
	assert_int_equal(store_begin(b.store, &err), 0);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_NETWORK);
	assert_int_equal(b.clock.slept, 0);
	store_rollback(b.store);
}

/* A clock whose first sleep is when the other process ends its renewal. */
struct waiting {
	struct clock base;
	struct bench *b;
	int held;
	int64_t life_ms;
};

static int64_t waiting_now(struct clock *c)
{
	return ((struct waiting *)c)->b->clock.now;
}

static int64_t waiting_mono(struct clock *c)
{
	return ((struct waiting *)c)->b->clock.mono;
}

static void waiting_sleep(struct clock *c, int64_t ms)
{
	struct waiting *w = (struct waiting *)c;
	AUTO(account_release) struct account a = {0};

	w->b->clock.base.sleep_ms(&w->b->clock.base, ms);
	if (w->held < 0)
		return;
	put_secret(w->b, "refresh_token", "rt-2");
	put_secret(w->b, "access_token", "at-2");
	row(w->b, &a);
	a.token_expires_ms = w->b->clock.now + w->life_ms;
	save_row(w->b, &a);
	close(w->held);
	w->held = -1;
}

/* Also one that does not live for the five minutes that are left to others. */
static void test_flight__whoever_waited_takes_what_the_other_got(void **state)
{
	static const int64_t lives[] = {HOUR, 60000};
	static const struct scripted_answer good[] = {OK_EVENT};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
		AUTO(bench_release) struct bench b;
		struct waiting w = {.base = {waiting_now, waiting_mono, waiting_sleep},
				    .b = &b,
				    .life_ms = lives[i]};

		bench_init(&b, good, 1);
		set_expiry(&b, NOW_MS);
		b.o.clock = &w.base;
		reopen(&b);
		w.held = hold(&b);
		get_good(&b);
		assert_int_equal(w.held, -1);
		assert_int_equal(b.script.asked_count, 1);
		assert_true(bearer_is(&b.script.asked[0], "at-2"));
	}
}

/* --- programs that were started -------------------------------------------------------------- */

static void test_flight__a_started_program_holds_no_lock(void **state)
{
	AUTO(bench_release) struct bench b;
	int held;
	pid_t pid;

	(void)state;
	begin(&b, NOW_MS);
	held = hold(&b);
	pid = fork();
	if (pid == 0) {
		execl("/bin/sleep", "sleep", "30", (char *)NULL);
		_exit(127);
	}
	usleep(100000);
	close(held);
	close(hold(&b));
	kill(pid, SIGKILL);
	status_of(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flight__an_expired_token_is_renewed_once),
		cmocka_unit_test(test_flight__a_refused_token_is_renewed_once),
		cmocka_unit_test(test_flight__one_that_dies_lets_the_others_go_on),
		cmocka_unit_test(test_flight__the_wait_ends),
		cmocka_unit_test(test_flight__another_account_is_not_waited_for),
		cmocka_unit_test(test_flight__nobody_waits_in_a_transaction),
		cmocka_unit_test(test_flight__whoever_waited_takes_what_the_other_got),
		cmocka_unit_test(test_flight__a_started_program_holds_no_lock),
	};

	return cmocka_run_group_tests_name("token_flight", tests, temp_dir_make, temp_dir_remove);
}
