"""One track's way from found to kept: a list of steps, one verb one file, in the order download, transcode, analyze,
enrich (where it is switched on), tag, shelve, publish.
"""
