"""Reads CVAT's XML with datumaro, in the environment of tests/readers.txt: what it holds goes to standard output.

python read_cvat.py FOLDER    # JSON: by the item's id, its size, and rows of 0 and 1 of the mask of each label
"""

import json
import sys

import datumaro

dataset = datumaro.Dataset.import_from(sys.argv[1], "cvat")
names = [category.name for category in dataset.categories()[datumaro.AnnotationType.label]]
items = {
    item.id: {
        "size": list(item.media.size),
        "masks": {names[one.label]: one.image.astype(int).tolist() for one in item.annotations},
    }
    for item in dataset
}
json.dump({"labels": names, "items": items}, sys.stdout)
