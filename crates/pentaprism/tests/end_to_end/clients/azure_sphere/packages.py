"""Image packages made and checked by Microsoft's own library, azuresphere_imagemetadata.

Usage: packages.py make FILE IMAGE COMPONENT NAME, or packages.py check FILE IMAGE COMPONENT NAME.
"""

import sys

from azuresphere_imagemetadata.image import Image
from azuresphere_imagemetadata.metadata_sections import DebugSection, IdentitySection
from azuresphere_imagemetadata.metadata_sections.identity import ImageType

BUILT = 0x62A20A6C


def make(image, component, name):
    """An application, signed with the key that everybody has from the SDK for development."""
    package = Image()
    package.data = b"-rom1fs-" + image.encode() * 400
    identity = IdentitySection()
    identity.image_type = ImageType.Applications
    identity.image_uid, identity.component_uid = image, component
    debug = DebugSection()
    debug.debug_time, debug.image_name_raw = BUILT, name.encode()
    package.metadata.add_section(identity)
    package.metadata.add_section(debug)
    return bytes(package.serialize())


def check(data, image, component, name):
    package = Image(data)
    identity, debug = package.metadata.identity, package.metadata.debug
    assert package.has_valid_signature(), "the signature does not hold"
    found = (identity.image_uid, identity.component_uid, debug.image_name)
    assert found == (image, component, name), found


if __name__ == "__main__":
    command, path, *identity = sys.argv[1:]
    if command == "make":
        with open(path, "wb") as file:
            file.write(make(*identity))
    else:
        with open(path, "rb") as file:
            check(file.read(), *identity)
        print("the vendor's library reads the package")
