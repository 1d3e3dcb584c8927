"""What the records of a finding have in common, and the others do not: "all in column 7".

:mod:`.find` is the entry; each other module knows one kind of pattern, :mod:`.chance` decides
whether it may be chance, and :mod:`.candidate` which of them are said.
"""
