"""The load balancer: HAProxy in front of a kdcluster's RESTServers, kept in line with them."""
