/* linklab's parts: the two namespaces, and what is done to packets. */
#ifndef TERN_TOOLS_LINKLAB_H
#define TERN_TOOLS_LINKLAB_H

#include "lab/lab.h"

struct link_path {
    char ifname[16];
    char addr4[64], addr6[64]; /* of the client; what "addr" replaces */
    int fd;                    /* the client's end of this path (TUN) */
    uint16_t natport;          /* the client's ports look this much higher to the server */
};

struct linklab {
    struct lab lab;
    struct control control;
    char name[32];
    char congestion[32];
    unsigned mtu;
    int server_fd; /* TUN */
    struct link_path path[LAB_PATHS];
};

/* packet.c */

/* Shift the source (or destination) port of a UDP or TCP packet, and its checksum. */
void packet_shift_port(uint8_t *packet, size_t len, bool destination, uint16_t by);
/* Which path the server's packet to this destination takes: 1 for 10.78/16 and fd78::/16. */
size_t packet_path(const uint8_t *packet, size_t len);

/* netns.c: all die with a message when the system refuses what nothing can work without. */

void netns_create(struct linklab *l);
void netns_remove(const struct linklab *l);
/* Commands that change the client's addresses and interfaces: addr, addr6, addaddr, addaddr6,
 * deladdr, deladdr6, ifdown, ifup. Leaves out alone when the word is not one of them. */
void netns_command(struct linklab *l, char **words, size_t n, char *out, size_t size);

#endif
