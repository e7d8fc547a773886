"""Devices with a POSIX shell that is reached over a connection: what SSH hosts and Android phones share."""
