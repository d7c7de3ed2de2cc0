"""The benchmark behind ``python -m qhn_core bench``.

:func:`qhn_core.bench.run.run` measures, :func:`qhn_core.bench.tables.show` prints, ``Report.to_json`` writes.
"""
