"""Make `jars.lock` anew: `python -m wallet.local.lockjars` (for developers, when Kafka moves on).

Resolved by jgo from the version below; every jar is fetched once to write down what it contains.
"""

import asyncio
import hashlib

import aiohttp
import jgo

from wallet.local import jars

KAFKA = "org.apache.kafka:kafka_2.13:4.3.1"
# Without a binding of slf4j the broker is mute. This one is 15 kB and writes to stderr; its version
# is that of the slf4j-api which Kafka brings.
BINDING = "org.slf4j:slf4j-simple:{version}"
API = ("org.slf4j", "slf4j-api")


def main() -> None:
    """Resolve, fetch, hash and write the lock."""
    found = {(a.groupId, a.artifactId): a.version for a in jgo.resolve(KAFKA)}
    group, artifact, version = BINDING.format(version=found[API]).split(":")
    found[group, artifact] = version
    jars_found = asyncio.run(_hash_all([(*name, version) for name, version in found.items()]))
    header = f"# {KAFKA} and what it needs to run; made by wallet/local/lockjars.py\n"
    jars.LOCK.write_text(header + "".join(f"{jar.line}\n" for jar in jars_found), encoding="utf-8")


async def _hash_all(names: list[tuple[str, str, str]]) -> list[jars.Jar]:
    async with aiohttp.ClientSession(trust_env=True, raise_for_status=True) as session:
        return [await _hash(session, *name) for name in names]


async def _hash(
    session: aiohttp.ClientSession, group: str, artifact: str, version: str
) -> jars.Jar:
    unknown = jars.Jar(group, artifact, version, sha256="", size_bytes=0)
    async with session.get(f"{jars.repository()}/{unknown.path}") as response:
        content = await response.read()
    return jars.Jar(group, artifact, version, hashlib.sha256(content).hexdigest(), len(content))


if __name__ == "__main__":
    main()
