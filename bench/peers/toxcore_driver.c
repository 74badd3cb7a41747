/* One toxcore node on 127.0.0.1, driven by lines on stdin; bench/peers/toxcore.py starts two.
 *
 *   prints  ID <public key> <DHT key> <port> <version>
 *   reads   PEER <public key> <DHT key> <port>       befriend and bootstrap to that node only
 *   prints  READY                                    once the friend is connected over UDP,
 *                                                    or ends without it after CONNECT_S
 *   reads   RUN <in flight> <messages> <seconds>     send until that many receipts or that long
 *   prints  DONE <receipts> <elapsed s> <median receipt s>
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <tox/tox.h>
#include <unistd.h>

#define IDS 65536
#define TEXT_BYTES 64
#define CONNECT_S 30.0

/* toxcore binds to every interface. These two definitions stand before libc's, so the node is
 * reachable on loopback alone and cannot send elsewhere, whatever the library decides. */

int bind(int fd, const struct sockaddr *address, socklen_t length) {
    struct sockaddr_in local;
    if (address->sa_family != AF_INET) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    memcpy(&local, address, sizeof local);
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return (int)syscall(SYS_bind, fd, &local, length);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *address,
               socklen_t length) {
    const struct sockaddr_in *remote = (const struct sockaddr_in *)address;
    if (address != NULL && (address->sa_family != AF_INET ||
                            remote->sin_addr.s_addr != htonl(INADDR_LOOPBACK))) {
        errno = ENETUNREACH;
        return -1;
    }
    return syscall(SYS_sendto, fd, data, size, flags, address, length);
}

static double sent_at[IDS];
static double *receipt_times;
static long receipts, wanted;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_receipt(Tox *tox, uint32_t friend_number, uint32_t message_id, void *user_data) {
    (void)tox, (void)friend_number, (void)user_data;
    if (receipts < wanted) receipt_times[receipts++] = now() - sent_at[message_id % IDS];
}

static void print_hex(const uint8_t *bytes) {
    for (size_t i = 0; i < TOX_PUBLIC_KEY_SIZE; i++) printf("%02x", bytes[i]);
    putchar(' ');
}

static void read_hex(const char *text, uint8_t *bytes) {
    unsigned value = 0;
    for (size_t i = 0; i < TOX_PUBLIC_KEY_SIZE; i++) {
        sscanf(text + 2 * i, "%2x", &value);
        bytes[i] = (uint8_t)value;
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The documented main loop: iterate, then wait for the interval the library asks for. */
static void turn(Tox *tox) {
    tox_iterate(tox, NULL);
    usleep(1000 * tox_iteration_interval(tox));
}

static void run(Tox *tox, uint32_t friend_number, long window, long messages, double seconds) {
    uint8_t text[TEXT_BYTES];
    long sent = 0;
    double start = now();

    memset(text, 'x', sizeof text);
    receipts = 0, wanted = messages;
    receipt_times = calloc((size_t)messages, sizeof *receipt_times);
    while (receipts < messages && now() - start < seconds) {
        while (sent < messages && sent - receipts < window) {
            Tox_Err_Friend_Send_Message error;
            uint32_t id = tox_friend_send_message(tox, friend_number, TOX_MESSAGE_TYPE_NORMAL, text,
                                                  sizeof text, &error);
            if (error != TOX_ERR_FRIEND_SEND_MESSAGE_OK) break; /* its own queue is full */
            sent_at[id % IDS] = now();
            sent++;
        }
        turn(tox);
    }
    double elapsed = now() - start;
    long counted = receipts;
    wanted = 0;
    qsort(receipt_times, (size_t)counted, sizeof *receipt_times, by_value);
    printf("DONE %ld %.9f %.9f\n", counted, elapsed, counted ? receipt_times[counted / 2] : -1.0);
    free(receipt_times);
    /* What is still on its way must not count for the next run. */
    for (double end = now() + 1.0; sent > counted && now() < end;) turn(tox);
}

int main(void) {
    struct Tox_Options *options = tox_options_new(NULL);
    tox_options_set_ipv6_enabled(options, false);
    tox_options_set_udp_enabled(options, true);
    tox_options_set_local_discovery_enabled(options, false);
    tox_options_set_hole_punching_enabled(options, false);
    tox_options_set_tcp_port(options, 0);
    Tox *tox = tox_new(options, NULL);
    if (tox == NULL) return 1;
    tox_callback_friend_read_receipt(tox, on_receipt);
    setvbuf(stdout, NULL, _IOLBF, 0);

    uint8_t key[TOX_PUBLIC_KEY_SIZE], dht[TOX_PUBLIC_KEY_SIZE];
    tox_self_get_public_key(tox, key);
    tox_self_get_dht_id(tox, dht);
    printf("ID ");
    print_hex(key);
    print_hex(dht);
    printf("%u %u.%u.%u\n", tox_self_get_udp_port(tox, NULL), tox_version_major(),
           tox_version_minor(), tox_version_patch());

    uint32_t friend_number = UINT32_MAX;
    unsigned port = 0;
    bool ready = false;
    double bootstrap_at = 0, give_up_at = 0;
    for (;;) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        tox_iterate(tox, NULL);
        if (friend_number != UINT32_MAX && !ready) {
            if (now() >= bootstrap_at) {
                tox_bootstrap(tox, "127.0.0.1", (uint16_t)port, dht, NULL);
                bootstrap_at = now() + 1.0;
            }
            ready = tox_friend_get_connection_status(tox, friend_number, NULL) ==
                    TOX_CONNECTION_UDP;
            if (ready) printf("READY\n");
            else if (now() > give_up_at) break;
        }
        if (poll(&input, 1, (int)tox_iteration_interval(tox)) <= 0) continue;

        char line[256], key_hex[65], dht_hex[65];
        long window, messages;
        double seconds;
        ssize_t size = read(STDIN_FILENO, line, sizeof line - 1); /* one line per write */
        if (size <= 0) break;
        line[size] = '\0';
        if (sscanf(line, "PEER %64s %64s %u", key_hex, dht_hex, &port) == 3) {
            read_hex(key_hex, key);
            read_hex(dht_hex, dht);
            friend_number = tox_friend_add_norequest(tox, key, NULL);
            give_up_at = now() + CONNECT_S;
        } else if (sscanf(line, "RUN %ld %ld %lf", &window, &messages, &seconds) == 3) {
            run(tox, friend_number, window, messages, seconds);
        }
    }
    tox_kill(tox);
    tox_options_free(options);
    return 0;
}
