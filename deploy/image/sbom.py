"""The list of what is in the image, as an SPDX 2.3 document in JSON: https://spdx.github.io/spdx-spec/v2.3/

Every file with its digests, in the package that it comes from. Debian's packages are described by dpkg-query; npm packages
(the documentation page is made of them, inside the program) by their lock files."""

import base64
import hashlib
import json
import os
import re
import subprocess
from collections import namedtuple
from datetime import datetime, timezone
from pathlib import Path

# root: a folder; sources: path below it to Debian package, or None for the project's own; bundled: npm packages.
Contents = namedtuple("Contents", "root sources version epoch bundled")
Bundled = namedtuple("Bundled", "name version integrity licence")

FIELDS = ("Package", "Version", "Architecture", "source:Package", "source:Version", "Homepage")
PROGRAM_ID = "SPDXRef-customerd"
UNKNOWN = "NOASSERTION"


def bundled_packages(folder):
    """Of each package-lock.json below the folder: what belongs to the product; development tools don't."""
    found = {}
    for path in sorted(Path(folder).rglob("package-lock.json")) if os.path.isdir(folder) else []:
        if "node_modules" in path.parts:
            continue
        for at, entry in json.loads(path.read_text(encoding="utf-8")).get("packages", {}).items():
            if at and "version" in entry and not (entry.get("dev") or entry.get("link")):
                name = entry.get("name") or at.rpartition("node_modules/")[2]
                found[name, entry["version"]] = Bundled(name, entry["version"], entry.get("integrity", ""),
                                                        entry.get("license"))
    return [found[key] for key in sorted(found)]


def spdx_id(*parts):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", "-".join(parts))


def describe(package):
    """What dpkg-query says of an installed package."""
    form = "\\t".join("${%s}" % field for field in FIELDS) + "\\n"
    line = subprocess.run(["dpkg-query", "-W", "-f", form, package], check=True, capture_output=True,
                          text=True).stdout.splitlines()[0]
    return dict(zip(FIELDS, line.split("\t")))


def debian_package(name):
    known = describe(name)
    version, arch = known["Version"], known["Architecture"]
    purl = f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A')}?arch={arch}&distro=trixie"
    return {
        "SPDXID": spdx_id("deb", name), "name": name, "versionInfo": version, "downloadLocation": UNKNOWN,
        "homepage": known["Homepage"] or UNKNOWN, "supplier": "Organization: Debian",
        "sourceInfo": f"built from the source package {known['source:Package']} {known['source:Version']}",
        "filesAnalyzed": False, "licenseConcluded": UNKNOWN, "licenseDeclared": UNKNOWN,
        "licenseComments": f"/usr/share/doc/{name}/copyright in the image", "copyrightText": UNKNOWN,
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}],
    }


def npm_package(bundled):
    name, version = bundled.name, bundled.version
    purl = f"pkg:npm/{name.replace('@', '%40')}@{version}"
    package = {
        "SPDXID": spdx_id("npm", name, version), "name": name, "versionInfo": version, "downloadLocation": UNKNOWN,
        "supplier": UNKNOWN, "filesAnalyzed": False, "licenseConcluded": UNKNOWN,
        "licenseDeclared": bundled.licence or UNKNOWN, "copyrightText": UNKNOWN,
        "comment": "part of the documentation page that the program serves",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}],
    }
    algorithm, _, digest = bundled.integrity.partition("-")
    if algorithm == "sha512" and digest:
        package["checksums"] = [{"algorithm": "SHA512", "checksumValue": base64.b64decode(digest).hex()}]
    return package



def program_package(version):
    return {
        "SPDXID": PROGRAM_ID, "name": "customerd", "versionInfo": version, "downloadLocation": UNKNOWN,
        "supplier": UNKNOWN, "primaryPackagePurpose": "APPLICATION", "filesAnalyzed": False,
        "licenseConcluded": UNKNOWN, "licenseDeclared": UNKNOWN, "copyrightText": UNKNOWN,
    }


def file_entry(root, path):
    data = (Path(root) / path).read_bytes()
    return {
        "SPDXID": spdx_id("file", hashlib.sha256(path.encode()).hexdigest()[:32]), "fileName": "./" + path,
        "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(data).hexdigest()},
                      {"algorithm": "SHA256", "checksumValue": hashlib.sha256(data).hexdigest()}],
        "licenseConcluded": UNKNOWN, "copyrightText": UNKNOWN,
    }


def relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def document(contents):
    debian = sorted({package for package in contents.sources.values() if package})
    files = {path: file_entry(contents.root, path) for path in sorted(contents.sources)}
    owners = {path: spdx_id("deb", package) if package else PROGRAM_ID for path, package in contents.sources.items()}
    npm = [npm_package(bundled) for bundled in contents.bundled]
    relations = [relation("SPDXRef-DOCUMENT", "DESCRIBES", PROGRAM_ID)]
    relations += [relation(PROGRAM_ID, "DEPENDS_ON", spdx_id("deb", package)) for package in debian]
    relations += [relation(PROGRAM_ID, "CONTAINS", package["SPDXID"]) for package in npm]
    relations += [relation(owners[path], "CONTAINS", entry["SPDXID"]) for path, entry in files.items()]
    digest = hashlib.sha256(json.dumps([files, debian, relations], sort_keys=True).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"customerd-{contents.version}-image", "documentNamespace": f"urn:customerd:sbom:{digest}",
        "creationInfo": {
            "created": datetime.fromtimestamp(contents.epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: customerd-deploy-image-sbom"],
        },
        "packages": [program_package(contents.version), *(debian_package(package) for package in debian), *npm],
        "files": list(files.values()), "relationships": relations,
    }


def write(path, contents):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document(contents), file, indent=1, ensure_ascii=False)
        file.write("\n")
