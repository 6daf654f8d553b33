/* endpoint: the address of an AWS service, or of what stands in for it. Pure. */
#ifndef CUSTOMERD_AWS_ENDPOINT_H
#define CUSTOMERD_AWS_ENDPOINT_H

#include "customerd/core/status.h"

#define AWS_HOST_SIZE 272

struct aws_endpoint {
    bool https;
    char authority[AWS_HOST_SIZE]; /* as it was given: a host and perhaps a port */
    char host[AWS_HOST_SIZE];      /* as the Host header has it: in lower case, with the port unless it is the scheme's own */
};

/* "amazonaws.com", or that of the region's partition. */
const char *aws_domain(const char *region);

/* A scheme, a host and perhaps a port: https, or http on the loopback. `name` says in err where it was given. */
enum status aws_endpoint_parse(const char *name, const char *url, struct aws_endpoint *out, struct error *err) MUST_USE;

/* The host without its port; an IPv6 address keeps its brackets. */
struct slice aws_endpoint_name(struct slice authority);

#endif
