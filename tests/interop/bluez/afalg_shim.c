/* Taken over, apart from these lines, from the BlueZ interop kit of this project's brief. */
/*
 * afalg_shim.so -- LD_PRELOAD helper that lets bluetooth-meshd (BlueZ 5.66,
 * libell 0.56) run on a kernel without AF_ALG and without AF_BLUETOOTH.
 *
 *   gcc -O2 -Wall -Wextra -shared -fPIC -o afalg_shim.so afalg_shim.c -lcrypto
 *
 * Part 1 emulates the AF_ALG socket calls libell makes, with OpenSSL 3:
 *   hash      md5 sha1 sha256 sha384 sha512, hmac(<those>), cmac(aes)
 *   skcipher  ecb(aes) cbc(aes) ctr(aes)
 *   aead      ccm(aes) gcm(aes)
 *
 * Part 2 makes the daemon's "--io unit:<path>" socket usable by a peer. As
 * shipped, the daemon binds <path>, never connects it and then calls send(),
 * so every transmission fails with ENOTCONN; and it misjudges the length of
 * what it receives by one octet and drops anything shorter than 10 octets,
 * which includes every Link Ack, Transaction Ack and Link Close. With part 2
 * a datagram is the same thing in both directions: one advertising structure
 * without its length octet, i.e. AD type then payload, at most 30 octets.
 *
 * Environment:
 *   MESHD_UNIT_PEER   where to send (default: "<path>.air"); a missing or
 *                     full receiver is treated as radio loss, not an error
 *   MESHD_TIMER_DIV   integer > 1 divides every timer the daemon arms (see
 *                     README); unset means real timing
 *   AFALG_SHIM_DEBUG  print what an unsupported AF_ALG request asked for
 *
 * The daemon is single threaded, so there is no locking here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/if_alg.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SOL_ALG
#define SOL_ALG 279
#endif

#define MAX_FD 4096

/* The next definition of a libc function, looked up once per call site. */
#define REAL(name) ({ \
	static __typeof__(&name) fn_; \
	if (!fn_) \
		fn_ = (__typeof__(&name)) dlsym(RTLD_NEXT, #name); \
	fn_; })

/* ------------------------------------------------------------------------
 * Part 1: AF_ALG
 * --------------------------------------------------------------------- */

enum alg_kind { KIND_NONE, KIND_DIGEST, KIND_HMAC, KIND_CMAC,
		KIND_CIPHER, KIND_CCM, KIND_GCM };

/* One emulated socket: a bound "transform" socket or an accepted one. */
struct alg {
	enum alg_kind kind;
	char name[16];		/* OpenSSL digest name, or cipher mode */
	uint8_t key[256];
	size_t keylen;
	size_t taglen;
	uint8_t iv[16];
	uint32_t ivlen;
	uint32_t assoclen;
	bool encrypt;
	bool more;		/* the last send carried MSG_MORE */
	uint8_t *buf;		/* input gathered since the operation began */
	size_t len;
};

static struct alg *table[MAX_FD];

static struct alg *alg_of(int fd)
{
	return fd >= 0 && fd < MAX_FD ? table[fd] : NULL;
}

static int fail(int err)
{
	errno = err;
	return -1;
}

/* A real descriptor is needed: an unconnected local socket stands in. */
static int alg_open(struct alg *a)
{
	int fd = REAL(socket)(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || fd >= MAX_FD) {
		if (fd >= 0)
			REAL(close)(fd);
		free(a->buf);
		free(a);
		return fail(EMFILE);
	}
	table[fd] = a;
	return fd;
}

static void alg_free(int fd)
{
	struct alg *a = table[fd];

	table[fd] = NULL;
	free(a->buf);
	OPENSSL_cleanse(a, sizeof(*a));
	free(a);
}

static int alg_bind(struct alg *a, const struct sockaddr_alg *sa)
{
	static const char *const digests[] = {
		"md5", "sha1", "sha256", "sha384", "sha512" };
	const char *type = (const char *) sa->salg_type;
	const char *name = (const char *) sa->salg_name;
	char hmac[24];

	a->kind = KIND_NONE;
	if (!strcmp(type, "hash")) {
		if (!strcmp(name, "cmac(aes)"))
			a->kind = KIND_CMAC;
		for (size_t i = 0; i < sizeof(digests) / sizeof(*digests); i++) {
			snprintf(hmac, sizeof(hmac), "hmac(%s)", digests[i]);
			if (!strcmp(name, digests[i]))
				a->kind = KIND_DIGEST;
			else if (!strcmp(name, hmac))
				a->kind = KIND_HMAC;
			else
				continue;
			strcpy(a->name, digests[i]);
		}
	} else if (!strcmp(type, "skcipher")) {
		if (!strcmp(name, "ecb(aes)") || !strcmp(name, "cbc(aes)") ||
						!strcmp(name, "ctr(aes)")) {
			a->kind = KIND_CIPHER;
			memcpy(a->name, name, 3);
			a->name[3] = '\0';
		}
	} else if (!strcmp(type, "aead")) {
		if (!strcmp(name, "ccm(aes)"))
			a->kind = KIND_CCM;
		else if (!strcmp(name, "gcm(aes)"))
			a->kind = KIND_GCM;
		strcpy(a->name, a->kind == KIND_CCM ? "ccm" : "gcm");
		a->taglen = 16;
	}

	if (a->kind != KIND_NONE)
		return 0;
	if (getenv("AFALG_SHIM_DEBUG"))
		fprintf(stderr, "afalg_shim: no %s %s\n", type, name);
	return fail(ENOENT);
}

static int alg_setsockopt(struct alg *a, int opt, const void *val,
							socklen_t len)
{
	switch (opt) {
	case ALG_SET_KEY:
		if (len > sizeof(a->key))
			return fail(EINVAL);
		if (a->kind >= KIND_CMAC && len != 16 && len != 24 && len != 32)
			return fail(EINVAL);
		memcpy(a->key, val, len);
		a->keylen = len;
		return 0;
	case ALG_SET_AEAD_AUTHSIZE:	/* the size is passed as the length */
		if (len < 4 || len > 16)
			return fail(EINVAL);
		a->taglen = len;
		return 0;
	}
	return fail(ENOPROTOOPT);
}

/* accept() on a transform yields an operation; on an operation, a clone. */
static int alg_accept(const struct alg *a)
{
	struct alg *b = malloc(sizeof(*b));

	if (!b)
		return fail(ENOMEM);
	*b = *a;
	b->buf = NULL;
	if (a->len) {
		b->buf = malloc(a->len);
		if (!b->buf) {
			free(b);
			return fail(ENOMEM);
		}
		memcpy(b->buf, a->buf, a->len);
	}
	return alg_open(b);
}

static ssize_t alg_send(struct alg *a, const struct msghdr *msg, int flags)
{
	size_t total = 0;

	if (!a->more)			/* a new operation begins */
		a->len = 0;

	if (msg->msg_control && msg->msg_controllen) {
		struct msghdr m = *msg;

		a->assoclen = 0;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c;
						c = CMSG_NXTHDR(&m, c)) {
			uint32_t word;

			if (c->cmsg_level != SOL_ALG)
				continue;
			memcpy(&word, CMSG_DATA(c), sizeof(word));
			switch (c->cmsg_type) {
			case ALG_SET_OP:
				a->encrypt = word == ALG_OP_ENCRYPT;
				break;
			case ALG_SET_AEAD_ASSOCLEN:
				a->assoclen = word;
				break;
			case ALG_SET_IV:	/* u32 length, then octets */
				if (word > sizeof(a->iv))
					return fail(EINVAL);
				a->ivlen = word;
				memcpy(a->iv, CMSG_DATA(c) + 4, word);
				break;
			default:
				return fail(EINVAL);
			}
		}
	}

	for (size_t i = 0; i < msg->msg_iovlen; i++) {
		const struct iovec *v = &msg->msg_iov[i];
		uint8_t *p;

		if (!v->iov_len)
			continue;
		p = realloc(a->buf, a->len + v->iov_len);
		if (!p)
			return fail(ENOMEM);
		memcpy(p + a->len, v->iov_base, v->iov_len);
		a->buf = p;
		a->len += v->iov_len;
		total += v->iov_len;
	}
	a->more = flags & MSG_MORE;
	return total;
}

static ssize_t do_mac(struct alg *a, uint8_t *out, size_t outsz)
{
	const char *which = a->kind == KIND_CMAC ? "CMAC" : "HMAC";
	EVP_MAC *mac = EVP_MAC_fetch(NULL, which, NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	OSSL_PARAM params[2] = { OSSL_PARAM_END, OSSL_PARAM_END };
	char cipher[32];
	size_t n = 0;
	bool ok;

	if (a->kind == KIND_CMAC) {
		snprintf(cipher, sizeof(cipher), "AES-%zu-CBC", a->keylen * 8);
		params[0] = OSSL_PARAM_construct_utf8_string(
					OSSL_MAC_PARAM_CIPHER, cipher, 0);
	} else {
		params[0] = OSSL_PARAM_construct_utf8_string(
					OSSL_MAC_PARAM_DIGEST, a->name, 0);
	}
	ok = ctx && EVP_MAC_init(ctx, a->key, a->keylen, params) &&
		EVP_MAC_update(ctx, a->buf, a->len) &&
		EVP_MAC_final(ctx, out, &n, outsz);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ok ? (ssize_t) n : fail(EIO);
}

static ssize_t do_cipher(struct alg *a, const EVP_CIPHER *c, uint8_t *out,
								size_t want)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t size = a->len < want ? a->len : want;
	int n = 0, m = 0;
	bool ok;

	ok = ctx && EVP_CipherInit_ex(ctx, c, NULL, a->key, a->iv, a->encrypt) &&
		EVP_CIPHER_CTX_set_padding(ctx, 0) &&
		EVP_CipherUpdate(ctx, out, &n, a->buf, size) &&
		EVP_CipherFinal_ex(ctx, out + n, &m);
	if (ok && a->ivlen)	/* chaining carries over to the next call */
		EVP_CIPHER_CTX_get_updated_iv(ctx, a->iv, sizeof(a->iv));
	EVP_CIPHER_CTX_free(ctx);
	return ok ? n + m : fail(EINVAL);
}

/* in: AAD || text [|| tag when decrypting]; out: AAD || text [|| tag] */
static ssize_t do_aead(struct alg *a, const EVP_CIPHER *c, uint8_t *out)
{
	bool ccm = a->kind == KIND_CCM;
	size_t tag = a->taglen, aad = a->assoclen;
	const uint8_t *nonce = a->iv;
	int noncelen = a->ivlen;
	EVP_CIPHER_CTX *ctx;
	size_t text;
	int n = 0, m = 0;
	bool ok;

	if (a->len < aad + (a->encrypt ? 0 : tag))
		return fail(EINVAL);
	text = a->len - aad - (a->encrypt ? 0 : tag);

	if (ccm) {		/* RFC 3610: iv[0] = L - 1, then 15 - L octets */
		if (a->ivlen != 16 || a->iv[0] < 1 || a->iv[0] > 7)
			return fail(EINVAL);
		nonce = a->iv + 1;
		noncelen = 14 - a->iv[0];
	}

	memcpy(out, a->buf, aad);
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx && EVP_CipherInit_ex(ctx, c, NULL, NULL, NULL, a->encrypt) &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, noncelen,
								NULL) > 0;
	if (ok && !a->encrypt)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, tag,
						a->buf + aad + text) > 0;
	else if (ok && ccm)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, tag,
								NULL) > 0;
	ok = ok && EVP_CipherInit_ex(ctx, NULL, NULL, a->key, nonce, a->encrypt);
	if (ok && ccm)		/* CCM must know the text length up front */
		ok = EVP_CipherUpdate(ctx, NULL, &n, NULL, text);
	if (ok && aad)
		ok = EVP_CipherUpdate(ctx, NULL, &n, a->buf, aad);
	n = 0;
	ok = ok && EVP_CipherUpdate(ctx, out + aad, &n, a->buf + aad, text);
	if (ok && (a->encrypt || !ccm))
		ok = EVP_CipherFinal_ex(ctx, out + aad + n, &m);
	if (ok && a->encrypt)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, tag,
						out + aad + text) > 0;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? (ssize_t) (aad + text + (a->encrypt ? tag : 0)) :
								fail(EBADMSG);
}

static ssize_t alg_recv(struct alg *a, const struct iovec *iov, size_t cnt)
{
	EVP_CIPHER *c = NULL;
	uint8_t *out;
	char name[40];
	ssize_t n = -1;
	size_t want = 0, done = 0;
	unsigned int dlen;

	for (size_t i = 0; i < cnt; i++)
		want += iov[i].iov_len;
	if (!a->buf)
		a->buf = calloc(1, 1);
	out = malloc(a->len + 128);
	if (!out || !a->buf) {
		free(out);
		return fail(ENOMEM);
	}

	if (a->kind >= KIND_CIPHER) {
		snprintf(name, sizeof(name), "AES-%zu-%s", a->keylen * 8,
								a->name);
		c = EVP_CIPHER_fetch(NULL, name, NULL);
		if (!c) {
			free(out);
			return fail(EINVAL);
		}
	}

	switch (a->kind) {
	case KIND_DIGEST:
		n = EVP_Digest(a->buf, a->len, out, &dlen,
				EVP_get_digestbyname(a->name), NULL) ?
						(ssize_t) dlen : fail(EIO);
		break;
	case KIND_HMAC:
	case KIND_CMAC:
		n = do_mac(a, out, a->len + 128);
		break;
	case KIND_CIPHER:
		n = do_cipher(a, c, out, want);
		break;
	case KIND_CCM:
	case KIND_GCM:
		n = do_aead(a, c, out);
		break;
	default:
		errno = EINVAL;
	}
	EVP_CIPHER_free(c);
	a->len = 0;
	a->more = false;

	for (size_t i = 0; n >= 0 && i < cnt && done < (size_t) n; i++) {
		size_t part = n - done;

		if (part > iov[i].iov_len)
			part = iov[i].iov_len;
		if (part)
			memcpy(iov[i].iov_base, out + done, part);
		done += part;
	}
	free(out);
	return n < 0 ? -1 : (ssize_t) done;
}

/* ------------------------------------------------------------------------
 * Part 2: the unit-test IO socket
 * --------------------------------------------------------------------- */

#define MAX_PDU 30	/* AD type + payload: what fits a legacy advertisement */
#define MIN_PDU 10	/* the daemon ignores anything that reads as shorter */

static int unit_fd = -1;
static struct sockaddr_un unit_peer;

static void unit_bound(int fd, const struct sockaddr *addr, socklen_t len)
{
	const struct sockaddr_un *un = (const void *) addr;
	socklen_t plen = len - offsetof(struct sockaddr_un, sun_path);
	socklen_t optlen = sizeof(int);
	const char *peer = getenv("MESHD_UNIT_PEER");
	int type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &optlen) < 0 ||
				type != SOCK_DGRAM || !un->sun_path[0])
		return;
	unit_fd = fd;
	unit_peer.sun_family = AF_UNIX;
	if (peer)
		snprintf(unit_peer.sun_path, sizeof(unit_peer.sun_path), "%s",
									peer);
	else
		snprintf(unit_peer.sun_path, sizeof(unit_peer.sun_path),
				"%.*s.air", (int) plen, un->sun_path);
}

static ssize_t unit_send(const void *buf, size_t len)
{
	REAL(sendto)(unit_fd, buf, len, MSG_DONTWAIT,
			(struct sockaddr *) &unit_peer, sizeof(unit_peer));
	return len;		/* nobody listening: lost on the air */
}

/*
 * The daemon takes the packet to be buf[1 .. size] where size is what recv()
 * returned, and wants buf[0] != 0. So: put a dummy octet in front and return
 * the true length. A datagram starting with 0x00 (there is no such AD type)
 * goes through as it is: a single 0x00 asks for the daemon's D-Bus name.
 */
static ssize_t unit_recv(void *buf, size_t size)
{
	uint8_t pdu[MAX_PDU + 1] = { 0 };
	uint8_t *out = buf;
	ssize_t n = REAL(recv)(unit_fd, pdu, sizeof(pdu), MSG_DONTWAIT);

	if (n <= 0)
		return n;
	if (!pdu[0]) {
		memcpy(out, pdu, 1);
		return 1;
	}
	if (n > MAX_PDU || size < MAX_PDU + 1)
		return fail(EMSGSIZE);
	if (n < MIN_PDU)
		n = MIN_PDU;	/* zero padded */
	out[0] = 1;
	memcpy(out + 1, pdu, n);
	return n;
}

/* ------------------------------------------------------------------------
 * The interposed calls
 * --------------------------------------------------------------------- */

int socket(int domain, int type, int protocol)
{
	if (domain == AF_ALG) {
		struct alg *a = calloc(1, sizeof(*a));

		return a ? alg_open(a) : fail(ENOMEM);
	}
	return REAL(socket)(domain, type, protocol);
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct alg *a = alg_of(fd);
	int r;

	if (a)
		return alg_bind(a, (const void *) addr);
	r = REAL(bind)(fd, addr, len);
	if (!r && addr->sa_family == AF_UNIX &&
				len > offsetof(struct sockaddr_un, sun_path))
		unit_bound(fd, addr, len);
	return r;
}

int setsockopt(int fd, int level, int opt, const void *val, socklen_t len)
{
	struct alg *a = alg_of(fd);

	return a ? alg_setsockopt(a, opt, val, len) :
			REAL(setsockopt)(fd, level, opt, val, len);
}

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct alg *a = alg_of(fd);

	return a ? alg_accept(a) : REAL(accept4)(fd, addr, len, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct alg *a = alg_of(fd);

	return a ? alg_send(a, msg, flags) : REAL(sendmsg)(fd, msg, flags);
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	struct alg *a = alg_of(fd);
	struct iovec iov = { (void *) buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (a)
		return alg_send(a, &msg, flags);
	if (fd >= 0 && fd == unit_fd)
		return unit_send(buf, len);
	return REAL(send)(fd, buf, len, flags);
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	struct alg *a = alg_of(fd);
	struct iovec iov = { buf, len };

	if (a)
		return alg_recv(a, &iov, 1);
	if (fd >= 0 && fd == unit_fd)
		return unit_recv(buf, len);
	return REAL(recv)(fd, buf, len, flags);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct alg *a = alg_of(fd);

	return a ? alg_recv(a, msg->msg_iov, msg->msg_iovlen) :
						REAL(recvmsg)(fd, msg, flags);
}

ssize_t read(int fd, void *buf, size_t len)
{
	struct alg *a = alg_of(fd);
	struct iovec iov = { buf, len };

	return a ? alg_recv(a, &iov, 1) : REAL(read)(fd, buf, len);
}

ssize_t readv(int fd, const struct iovec *iov, int cnt)
{
	struct alg *a = alg_of(fd);

	return a ? alg_recv(a, iov, cnt) : REAL(readv)(fd, iov, cnt);
}

ssize_t write(int fd, const void *buf, size_t len)
{
	struct alg *a = alg_of(fd);
	struct iovec iov = { (void *) buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return a ? alg_send(a, &msg, 0) : REAL(write)(fd, buf, len);
}

int close(int fd)
{
	if (alg_of(fd))
		alg_free(fd);
	if (fd >= 0 && fd == unit_fd)
		unit_fd = -1;
	return REAL(close)(fd);
}

/* MESHD_TIMER_DIV: libell arms all its timeouts as relative timerfds. */
int timerfd_settime(int fd, int flags, const struct itimerspec *new,
						struct itimerspec *old)
{
	static int div;
	struct itimerspec t = *new;
	int64_t ns;

	if (!div) {
		const char *s = getenv("MESHD_TIMER_DIV");

		div = s && atoi(s) > 1 ? atoi(s) : 1;
	}
	if (div > 1 && !(flags & TFD_TIMER_ABSTIME) && !t.it_interval.tv_sec &&
						!t.it_interval.tv_nsec) {
		ns = (t.it_value.tv_sec * 1000000000LL + t.it_value.tv_nsec);
		if (ns) {
			ns = ns / div ? ns / div : 1;
			t.it_value.tv_sec = ns / 1000000000LL;
			t.it_value.tv_nsec = ns % 1000000000LL;
		}
	}
	return REAL(timerfd_settime)(fd, flags, &t, old);
}
