"""What nobody but the judges of S may know, as text: searched in every byte that the walled are given."""

from collections.abc import Sequence

import asyncpg

from tests.worlds.cast import S
from tests.worlds.judgement import APPRAISAL, CANARY, CASE_LATE, CASE_SCORES, LATE, SCORES

_IDS = {
    "an assignment": "SELECT id, person_id FROM assignments WHERE region_code = $1",
    "a sheet": "SELECT id, person_id FROM score_sheets WHERE region_code = $1",
    "a sheet's signature": "SELECT signature, person_id FROM score_sheets WHERE region_code = $1",
    "a draw": "SELECT id, NULL FROM draws WHERE region_code = $1",
    "a draw's candidates": "SELECT candidates_sha256, NULL FROM draws WHERE region_code = $1",
    "a panel": "SELECT id, NULL FROM panels WHERE region_code = $1",
    "an appraisal file": "SELECT id, NULL FROM appraisal_files WHERE region_code = $1",
    "a case file": "SELECT id, NULL FROM case_files WHERE region_code = $1",
    "a result": "SELECT explanation_sha256, NULL FROM result_versions WHERE region_code = $1",
    "a total": "SELECT trim(trailing '0' from total::text), NULL FROM result_versions WHERE region_code = $1",
    "a case's total": "SELECT trim(trailing '0' from total::text), NULL FROM case_files WHERE region_code = $1",
}
_NAMES = "SELECT DISTINCT p.name FROM assignments AS a JOIN people AS p ON p.id = a.person_id WHERE a.region_code = $1"


def spoken() -> dict[str, str]:
    """Of the script itself."""
    numbers = {score for said in (SCORES, CASE_SCORES) for world in ("W0", "WV") for score in said[world]}
    numbers |= {LATE, CASE_LATE, APPRAISAL["W0"], APPRAISAL["WV"]}
    return {CANARY: "an opinion or a reason", **dict.fromkeys(sorted(numbers), "a score")}


async def canaries(
    worlds: Sequence[asyncpg.Connection], *, but_of: object = None, names: bool = False
) -> dict[str, str]:
    """`but_of`: the person whose own assignments are theirs to know. `names`: for who does not see people."""
    found, own = spoken(), set()
    for world in worlds:
        for said, statement in _IDS.items():
            for value, person in await world.fetch(statement, S):
                if but_of is not None and person == but_of:
                    # The same draw gives the same seat to another in another world.
                    own.add(str(value))
                # A round total would be found anywhere.
                elif value is not None and len(str(value)) > 5:
                    found[str(value)] = said
        if names:
            found |= {row["name"]: "a member's name" for row in await world.fetch(_NAMES, S)}
    return {text: said for text, said in found.items() if text not in own}
