"""To whom webhooks may be sent: an allow-list of hosts and networks, and addresses that no list opens (pure).

The server stands inside an intranet, so private addresses are the normal case, and a url is what a client chose: it
must not reach this machine, its neighbours on the link, the cloud's metadata or the database.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL = 500
# Narrower than RFC 3986, so that nobody reads it otherwise than we do: no userinfo, no fragment, no backslash, nothing
# that is not printable ASCII. A name in another script is written in its ASCII form.
_URL = re.compile(
    r"(?P<scheme>https?)://(?:(?P<name>[A-Za-z0-9.-]{1,253})|\[(?P<six>[0-9A-Fa-f:.]{2,45})\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>/[!$-;=?-Z_a-z~]*)?",
    re.ASCII,
)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
# `1.2.3`, `0x7f.1`, `2130706433`: some resolvers take these for addresses.
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.ASCII)
_DEFAULT_PORTS = {"https": 443, "http": 80}

# Never, whatever is listed: this machine, the link, no single host, and the metadata services of clouds that do not
# stand on the link (Alibaba, Azure, Oracle).
_NEVER_FOUR = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "100.100.100.200/32",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "224.0.0.0/3",
    )
)
# What is not listed here is loopback, the link, multicast, or another address in disguise (mapped, translated).
_ONLY_SIX = (IPv6Network("2000::/3"), IPv6Network("fc00::/7"))
# Tunnels carry an IPv4 address inside; the last is the metadata service of AWS.
_NEVER_SIX = tuple(IPv6Network(text) for text in ("2001::/23", "2002::/16", "3ffe::/16", "fd00:ec2::254/128"))
# How much around the database's address is taken for its network, where nobody said.
_AROUND = {4: 24, 6: 64}


@dataclass(frozen=True, slots=True)
class Target:
    """A url, read once. `host` is lower case, an IPv6 address without its brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> Address | None:
        """Where the url names an address and no name."""
        return parsed(self.host)

    @property
    def authority(self) -> str:
        """As the Host header says it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def read(url: str) -> Target | None:
    """The url's parts; None for one that is not written plainly enough."""
    found = _URL.fullmatch(url)
    if found is None or len(url) > MAX_URL:
        return None
    scheme, port = found["scheme"], int(found["port"] or _DEFAULT_PORTS[found["scheme"]])
    host = (found["name"] or found["six"]).lower()
    if port > 65535:
        return None
    if found["six"]:
        address = parsed(host)
        return Target(scheme, str(address), port, found["path"] or "/") if isinstance(address, IPv6Address) else None
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        # An address only in the one form that everybody reads alike.
        return Target(scheme, host, port, found["path"] or "/") if parsed(host) else None
    if not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return Target(scheme, host, port, found["path"] or "/")


def parsed(text: str) -> Address | None:
    """An address in its plain form; a scope (`%eth0`) has none."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def never(address: Address) -> bool:
    """Whether no list opens this address."""
    if isinstance(address, IPv4Address):
        return any(address in network for network in _NEVER_FOUR)
    return not any(address in network for network in _ONLY_SIX) or any(address in network for network in _NEVER_SIX)


@dataclass(frozen=True, slots=True)
class Receivers:
    """Who may be sent to. `names` exactly, `suffixes` with anything before them, `networks` by address.

    `refused`: networks kept out of what is listed, the database's own among them.
    """

    names: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    refused: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({443, 8443})
    http: bool = False

    def may_be_looked_up(self, target: Target) -> bool:
        """Whether the url as it stands could be one of theirs, before anything is known of its address."""
        if target.port not in self.ports or (target.scheme == "http" and not self.http):
            return False
        if target.address is not None:
            return self.allows(target, [target.address])
        return self._named(target) or bool(self.networks)

    def allows(self, target: Target, addresses: Collection[Address]) -> bool:
        """Whether the url may be sent to, its name standing for these addresses: one that is refused spoils all."""
        return bool(addresses) and all(self._allows(target, address) for address in addresses)

    def _allows(self, target: Target, address: Address) -> bool:
        if never(address) or any(address in network for network in self.refused):
            return False
        return self._named(target) or any(address in network for network in self.networks)

    def _named(self, target: Target) -> bool:
        return target.host in self.names or target.host.endswith(self.suffixes)


def listed(text: str) -> tuple[frozenset[str], tuple[str, ...], tuple[Network, ...]]:
    """Names, suffixes (`*.example.cn`) and networks of a comma-separated list. Raises ValueError for anything else."""
    names, suffixes, found = set(), [], []
    for item in _items(text):
        name = item.removeprefix("*.")
        if "/" in item or parsed(item):
            found.append(ip_network(item))
        elif not all(_LABEL.fullmatch(label) for label in name.split(".")):
            raise ValueError(f"{item!r} is no host, no *.suffix and no network")
        elif name != item:
            suffixes.append(f".{name}")
        else:
            names.add(name)
    return frozenset(names), tuple(suffixes), tuple(found)


def networks(text: str) -> tuple[Network, ...]:
    """Networks of a comma-separated list. Raises ValueError for anything else."""
    return tuple(ip_network(item) for item in _items(text))


def ports(text: str) -> frozenset[int]:
    return frozenset(int(item) for item in _items(text))


def around(addresses: Iterable[Address]) -> tuple[Network, ...]:
    """The networks that these addresses are taken to stand in."""
    return tuple(ip_network((address, _AROUND[address.version]), strict=False) for address in addresses)


def _items(text: str) -> list[str]:
    return [item.strip().lower() for item in text.split(",") if item.strip()]
