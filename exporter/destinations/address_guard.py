"""Which addresses somebody else may make this server connect to: none inside its own network. Pure.

A webhook's address is typed by a person of one workspace. Without a guard they could have the server speak to itself,
to its neighbours or to the metadata service of its cloud. What a name resolves to is judged at the moment of
connecting, so that a name cannot be pointed elsewhere between a check and its use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_NAT64 = ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Lets through what is public, and the networks that whoever runs the installation allows."""

    allowed: tuple[Network, ...] = ()

    def permits(self, address: str) -> bool:
        try:
            found = _true_address(ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        if any(found in network for network in self.allowed if network.version == found.version):
            return True
        return found.is_global and not found.is_multicast and not found.is_reserved


def guard(networks: Sequence[str]) -> AddressGuard:
    """Raises:
    ValueError: one is no network, such as 10.0.0.0/8.
    """
    return AddressGuard(tuple(ip_network(network, strict=False) for network in networks))


def _true_address(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
