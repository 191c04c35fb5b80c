"""Findings: writing and resolving them with the COMMIT of whoever found them. Refuses nothing: a finding is never
lost.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Final

from payonce.domain.finding import KINDS, Finding
from payonce.domain.finding_life import GROWN
from payonce.store import queries
from payonce.store.database import Tx

FINDINGS: Final = queries.load("findings")


def write_findings(tx: Tx, merchant_id: str, findings: Sequence[Finding]) -> None:
    """Open the findings, or count them up where they are not resolved. The last of a fingerprint counts."""
    unique = list({finding.fingerprint: finding for finding in findings}.values())
    if not unique:
        return
    rows = [KINDS[finding.kind] for finding in unique]
    fingerprints, counted = [f.fingerprint for f in unique], [f.counted for f in unique]
    severities = [f.severity or row.severity for f, row in zip(unique, rows, strict=True)]
    tx.later(
        FINDINGS.upsert_findings, merchant_id=merchant_id, now=tx.now,
        finding_ids=[f.id for f in unique], kinds=[f.kind for f in unique], fingerprints=fingerprints,
        severities=severities, owners=[row.owner for row in rows],
        order_ids=[f.order_id for f in unique], money=[f.money_minor for f in unique],
        currencies=[f.currency for f in unique], details=[json.dumps(dict(f.detail)) for f in unique],
        deadlines=[tx.now + row.deadline for row in rows],
        providers=[f.of_provider for f in unique],
        evidence=[json.dumps(f.seen_by) for f in unique], counted=counted,
        orders=[int(f.order_id is not None) if f.orders is None else f.orders for f in unique],
        found_by=[f.found_by for f in unique],
    )  # fmt: skip
    tx.later(
        FINDINGS.weigh_findings, merchant_id=merchant_id, now=tx.now, grown=GROWN, fingerprints=fingerprints,
        counted=counted, severities=severities,
    )  # fmt: skip


def resolve_findings(tx: Tx, merchant_id: str, fingerprints: Collection[str], why: str) -> None:
    """Close the findings of these fingerprints, where they are not resolved."""
    if fingerprints:
        tx.later(
            FINDINGS.resolve_findings, merchant_id=merchant_id, now=tx.now, why=why, fingerprints=sorted(fingerprints)
        )
