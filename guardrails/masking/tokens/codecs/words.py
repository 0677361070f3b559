"""Words that readable tokens are made of. Plain common words and names, chosen for this project; their order is part of
the token format: never change, remove or insert one."""

from __future__ import annotations

from typing import Final

GIVEN: Final = tuple(
    """
Ada Adele Agnes Aiden Alba Alena Alma Amos Anika Anton Ariel Arlo Asa Astrid Aubrey Axel Basil Bea Bela Benno Berit Beth
Bianca Blair Boris Brenda Bryce Caleb Calla Cara Carmen Casper Cecil Celia Cyrus Dahlia Damon Dana Daphne Daria
Della Denis Derek Dina Dorian Doris Edgar Edith Edwin Effie Elena Elio Elsa Ember Emery Enid Enzo Erik Esme Esther
Etta Ewan Fabian Faye Felice Fern Fiona Flora Floyd Freda Gale Garth Gemma Gideon Gilda Gina Glen Grant Greer Gus
Hazel Hector Heidi Henrik Hilda Holly Homer Hope Horace Hugo Ida Ilse Imogen Ines Ingo Iona Irene Iris Irma Isla
Ivan Ivo Ivy Jasper Jana Janko Jarek Jemma Joachim Jonas Joris Josie Jude Judith Julia June Juno Kai Karin Kaspar
Katja Kerry Kira Klara Knut Kurt Lars Laura Lauren Leander Lena Leon Leta Liam Lida Linus Livia Lorna Lotte Luba
Lucian Lydia Mabel Magnus Malin Marcus Margo Marian Marit Marlon Maud Maura Mavis Meline Mercy Mila Milan Mina
Miriam Moira Mona Moritz Myra Nadine Nell Nestor Nico Nina Noel Nora Norman Odette Olaf Olga Olive Opal Oriel Orla
Orson Oscar Otis Otto Paige Pascal Paula Pearl Penny Percy Petra Phoebe Pia Polly Quentin Quinn Ralph Ramona Regina
Reid Rene Rhea Rita Robin Rolf Roman Rosa Rowan Ruben Rufus Ruth Sabine Saskia Selma Silas Simone Sigrid Sonja
Stella Sven Sylvia Tamara Tessa Theo Thora Tilda Tobias Ulla Una Uma Ursula Valda Vera Verena Vida Vilma Vince Viola
Wanda
""".split()
)

FAMILY: Final = tuple(
    """
Abbot Acker Alder Amber Anders Arden Ashby Aspen Atwood Badger Barden Barley Barrow Bayley Beacon Becker Bellamy Birch
Blaine Bloom Bolton Bowen Bracken Bramble Brandt Brewer Briar Brook Buckley Burdock Byrne Calder Canter Carver Cedar
Chandler Chester Clover Cobalt Colby Conrad Cooper Copper Corbin Cotter Crane Cress Croft Curlew Dalton Dawson
Deacon Denby Dexter Dobson Dover Draper Drake Dunbar Dyer Eaton Eddy Elder Ellery Ember Emmett Ennis Fable Falcon
Farrow Fenton Fielding Finch Fisher Fletcher Flint Forge Foster Fowler Frost Fuller Gable Galloway Gardner Garland
Garner Gibson Glade Glover Gorman Granger Graves Greer Grove Hadley Halden Hammond Harbor Harper Hart Hawke Haywood
Heath Hedley Heron Hewitt Hobson Holder Hollis Holt Hooper Horner Hudson Huxley Idris Ingram Irving Jarvis Jasmin
Jensen Jessop Juniper Keating Keeler Kelso Kemp Kendal Keswick Kimber Kirby Knight Lacey Laird Lambert Langdon Larch
Larkin Latimer Laurel Lawson Leland Linden Lockhart Lowell Lowry Lyndon Maddox Mallory Maple Marlow Marsh Mason
Mather Mead Mercer Merton Milford Miller Monroe Moss Mulberry Nash Nettle Newell Nolan North Norton Oakley Ogden
Olden Orchard Osborn Osgood Otter Padget Palmer Parish Parker Pascoe Paxton Pebble Pell Pepper Perrin Pine Piper
Plover Porter Poplar Prescott Preston Quarry Quill Radley Rainier Ramsey Raven Redding Reeve Ridley Ripley Rivers
Robin Rooker Rowan Rusk Ryder Sadler Sage Sawyer Sexton Shaw Shelby Sherwood Skinner Slater Sorrel Sparrow Spencer
Stark Sterling Stone Sutton Swift Tanner Tarrant Teal Thatcher Thistle Thorne Tilden Turner Tyler Upton Vance
Vaughan Verity Walden Waldron Walker Waring Warren Webber Weston Whitby Wilder Willow Winter Woodrow
""".split()
)

STREETS: Final = tuple(
    """
Acorn Alder Almond Amber Anchor Apple Arbor Ash Aspen Autumn Badger Bakery Balsam Bamboo Barley Basin Beacon Beech Bell
Berry Birch Bluebell Boulder Bramble Bridge Briar Brook Cactus Canal Candle Canyon Cedar Chapel Cherry Chestnut Clover
Cobble Copper Coral Corner Cotton Crane Creek Crescent Crystal Cypress Daisy Dale Dawn Deer Delta Dune Eagle Elder
Elm Ember Falcon Fern Ferry Field Finch Fir Flint Forge Forest Fountain Fox Garden Garnet Glade Glen Granite Grove
Harbor Harvest Hawthorn Hazel Heath Heather Hedge Heron Hickory Hill Holly Honey Hopper Indigo Iris Island Ivory Ivy
Jade Jasmine Juniper Kestrel Kiln Lagoon Lake Lantern Larch Laurel Lavender Ledge Lemon Lilac Lily Linden Lotus
Lumber Magnolia Maple Marble Marigold Market Marsh Meadow Mill Mint Mirror Misty Moss Mulberry Nettle Nutmeg Oak
Ocean Olive Onyx Opal Orchard Orchid Osprey Otter Owl Palm Paper Pearl Pebble Pepper Pine Plum Pond Poplar Poppy
Prairie Primrose Quail Quarry Quartz Quince Rain Raven Reed Ridge River Robin Rocky Rose Rowan Ruby Rye Saffron Sage
Sand Sapphire Shore Silver Sky Slate Sorrel Sparrow Spring Spruce Star Stone Summer Summit Sun Sunset Swan Sycamore
Tansy Teal Thistle Thyme Timber Topaz Tulip Valley Velvet Vine Violet Walnut Water Wheat Willow Winter Wood Wren
Yarrow Yew Zephyr
""".split()
)

WAYS: Final = ("Avenue", "Close", "Court", "Drive", "Lane", "Road", "Street", "Way")
